package pipeline_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/history"
	"kubernaut.ai/shared/signal/alertmanagertest"
)

func (b *bed) realAlertmanager(t *testing.T) {
	am, err := alertmanagertest.Start(t.Context(), t.TempDir(), alertmanagertest.Telling(b.URL()+signalsPath))
	if errors.Is(err, alertmanagertest.ErrMissing) {
		t.Skip(err)
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, am.Stop()) })
	const namespace = "alertmanager"
	b.sick(t, namespace, workload{})
	firing := alertmanagertest.Alert{Labels: oomKilled(namespace).Labels, StartsAt: time.Now().UTC()}
	require.NoError(t, am.Post(t.Context(), firing))

	id := b.onlyRemediation(t, namespace)
	until(t, "healed workload", func() (bool, any) { return b.healthy(t, namespace), b.view(t, id).Timeline })
	require.NoError(t, am.Post(t.Context(), ended(firing)))
	require.Equal(t, "healed", b.ended(t, id).Outcome)
	require.Len(t, b.mutations(namespace), 1)
}

// alertmanagerPair gives both of a highly available pair the alert, as
// Prometheus does. The one that told of it dies, and the other, which cannot know
// that it was told, says that it ended.
func (b *bed) alertmanagerPair(t *testing.T) {
	first, second, err := alertmanagertest.StartPair(t.Context(), t.TempDir(), alertmanagertest.Telling(b.URL()+signalsPath))
	if errors.Is(err, alertmanagertest.ErrMissing) {
		t.Skip(err)
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, second.Stop()) })
	const namespace = "pair"
	b.sick(t, namespace, workload{})
	firing := alertmanagertest.Alert{Labels: oomKilled(namespace).Labels, StartsAt: time.Now().UTC()}
	for _, one := range []*alertmanagertest.Server{first, second} {
		require.NoError(t, one.Post(t.Context(), firing))
	}
	id := b.onlyRemediation(t, namespace)
	require.NoError(t, first.Stop())
	until(t, "healed workload", func() (bool, any) { return b.healthy(t, namespace), b.view(t, id).Timeline })
	require.NoError(t, second.Post(t.Context(), ended(firing)))
	require.Equal(t, "healed", b.ended(t, id).Outcome)
	require.Equal(t, id, b.onlyRemediation(t, namespace))
	require.Len(t, b.mutations(namespace), 1)
}

func ended(a alertmanagertest.Alert) alertmanagertest.Alert {
	a.EndsAt = time.Now().UTC()
	return a
}

// onlyRemediation waits for a remediation in a namespace, and answers its id.
func (b *bed) onlyRemediation(t *testing.T, namespace string) string {
	t.Helper()
	var found []history.Remediation
	until(t, "a remediation of what Alertmanager sent", func() (bool, any) {
		var err error
		found, err = b.History().Remediations(t.Context(), history.Filter{Namespace: namespace})
		require.NoError(t, err)
		return len(found) > 0, found
	})
	require.Len(t, found, 1)
	return found[0].ID
}
