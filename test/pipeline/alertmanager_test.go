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

	var found []history.Remediation
	until(t, "a remediation of what Alertmanager sent", func() (bool, any) {
		found, err = b.History().Remediations(t.Context(), history.Filter{Namespace: namespace})
		require.NoError(t, err)
		return len(found) == 1, found
	})
	until(t, "healed workload", func() (bool, any) { return b.healthy(t, namespace), b.view(t, found[0].ID).Timeline })
	resolved := firing
	resolved.EndsAt = time.Now().UTC()
	require.NoError(t, am.Post(t.Context(), resolved))
	require.Equal(t, "healed", b.ended(t, found[0].ID).Outcome)
	require.Len(t, b.mutations(namespace), 1)
}
