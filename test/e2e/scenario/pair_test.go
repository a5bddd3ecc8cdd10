package scenario

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/signal/alertmanagertest"
)

// TestAPairOfAlertmanagersOfWhichOneDiesOpensOneRemediation gives both of a real
// pair the alert, as Prometheus does. The one that may have told of it is killed,
// and the other says that it ended.
func TestAPairOfAlertmanagersOfWhichOneDiesOpensOneRemediation(t *testing.T) {
	w := enterBeside(t)
	w.onBed(t, "pods fall ill on its fake nodes")
	config, err := w.routing(t.Context())
	require.NoError(t, err)
	for _, test := range []struct {
		name  string
		start func(t *testing.T, config string) (first, second *alertmanagertest.Server, err error)
	}{
		{"while they hear each other", func(t *testing.T, config string) (first, second *alertmanagertest.Server, err error) {
			return alertmanagertest.StartPair(t.Context(), t.TempDir(), config)
		}},
		{"while each believes to be alone, and both tell", func(t *testing.T, config string) (first, second *alertmanagertest.Server, err error) {
			folder := t.TempDir()
			if first, err = alertmanagertest.Start(t.Context(), filepath.Join(folder, "first"), config); err != nil {
				return nil, nil, err
			}
			second, err = alertmanagertest.Start(t.Context(), filepath.Join(folder, "second"), config)
			return first, second, err
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			first, second, err := test.start(t, config)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, errors.Join(first.Stop(), second.Stop())) })
			i := w.fallIll(t)
			firing := alertmanagertest.Alert{Labels: i.labels(), StartsAt: time.Now().UTC()}
			for _, one := range []*alertmanagertest.Server{first, second} {
				require.NoError(t, one.Post(t.Context(), firing))
			}
			id := w.opened(t, i.target()).ID
			require.NoError(t, first.Kill())
			w.well(t, i)
			firing.EndsAt = time.Now().UTC()
			require.NoError(t, second.Post(t.Context(), firing))
			w.healedOnce(t, i)
			require.Equal(t, 1, w.count(t, id, event.SignalReceived))
			require.Equal(t, 1, w.count(t, id, event.SignalResolved))
		})
	}
}
