package pipeline_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	gateway "kubernaut.ai/functions/gateway"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/history"
)

func (b *bed) suppressions(t *testing.T) {
	b.sick(t, "unmanaged", workload{unmanaged: true})
	for name, c := range map[string]struct {
		labels map[string]string
		reason string
	}{
		"a namespace that nobody opted in": {map[string]string{"alertname": "KubePodOOMKilled", "namespace": "unmanaged", "deployment": "app"}, "not_managed"},
		"the heartbeat":                    {map[string]string{"alertname": "Watchdog"}, "heartbeat"},
		"a pod of the monitoring": {map[string]string{"alertname": "Pipeline1", "namespace": "monitoring",
			"pod": "kube-prometheus-stack-grafana-0", "service": "grafana"}, "monitoring"},
		"a pod that has vanished":      {map[string]string{"alertname": "Pipeline2", "namespace": "unmanaged", "pod": "app-gone"}, "target_gone"},
		"labels that name no workload": {map[string]string{"alertname": "Pipeline3", "severity": "critical"}, "no_target"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			metric := map[string]string{"stage": event.StageGateway, "reason": c.reason}
			got, result := b.post(t, alert{Status: "firing", Labels: c.labels, StartsAt: time.Now().UTC()})
			require.Equal(t, http.StatusOK, got.status, string(got.body))
			require.Equal(t, gateway.StatusIgnored, result.Status)
			require.Equal(t, c.reason, result.Reason)
			require.Empty(t, result.RemediationID)

			until(t, "a suppression in history", func() (bool, any) {
				strays, err := b.History().Timeline(t.Context(), "")
				require.NoError(t, err)
				for _, e := range strays {
					if e.Type == event.SignalSuppressed && e.Alert == c.labels["alertname"] && e.Reason == c.reason {
						return true, nil
					}
				}
				return false, len(strays)
			})
			until(t, "a count in metrics", func() (bool, any) {
				n := b.metric(t, "kubernaut_drops_total", metric)
				return n > 0, n
			})
			found, err := b.History().Remediations(t.Context(), history.Filter{Alert: c.labels["alertname"], Namespace: c.labels["namespace"]})
			require.NoError(t, err)
			if c.labels["namespace"] != "" {
				require.Empty(t, found)
			}
		})
	}
	t.Cleanup(func() { require.Empty(t, b.mutations("unmanaged")) })
}
