package signal_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/signal"
)

// FuzzCandidates takes any labels, as lines of key=value, and any query.
func FuzzCandidates(f *testing.F) {
	f.Add("pod=cart-1\nnamespace=shop\ninstance=10.0.0.33:9100", "")
	f.Add("job=kubelet\nexported_node=worker-1\ninstance=[::1]:80:", "")
	f.Add("job=node-exporter\ninstance=:::\ncertificate=x\nexported_certificate=y", "kube_node_info")
	f.Add("customresource_kind=Kustomization\ncustomresource_group=kustomize.toolkit.fluxcd.io\nname=apps\nexported_namespace=a\nnamespace=b", "rollout_info")
	f.Add("kind=HelmRelease\nname=cart\ncnpg_cluster=pg\nalertname=CertManagerCertNotReady", "argocd_app_info")
	f.Add("instance=http://[fe80::1%eth0]:9100/x\nalertname=NodeDown\nexported_exported_pod=a", "%")
	rules := signal.NewRules()
	f.Fuzz(func(t *testing.T, lines, query string) {
		all := labels{}
		for line := range strings.SplitSeq(lines, "\n") {
			key, value, _ := strings.Cut(line, "=")
			all[key] = value
		}
		a := signal.Alert{Labels: all, GeneratorURL: query}
		got, reason := rules.Candidates(a)
		require.Contains(t, []string{signal.ReasonNoTarget, signal.ReasonMonitoring}, reason)
		require.LessOrEqual(t, len(got), signal.MaxWords+24)
		for i, c := range got {
			require.True(t, signal.ValidName(c.Name) != (c.Address != ""), "%+v", c)
			require.True(t, c.Namespace == "" || signal.ValidNamespace(c.Namespace), "%+v", c)
			require.True(t, (c.Kind == "") == (c.Word != ""), "%+v", c)
			require.False(t, rules.Monitoring(c.Label, c.Name), "%+v", c)
			require.False(t, slices.Contains(signal.DefaultNever, c.Word), "%+v", c)
			require.True(t, !c.Last || i == len(got)-1)
		}
		for range 3 {
			// A copy of a map is walked in another order.
			again, _ := rules.Candidates(signal.Alert{Labels: maps.Clone(all), GeneratorURL: query})
			require.Equal(t, got, again)
		}
	})
}

// FuzzFilters makes rules of any settings, or refuses them.
func FuzzFilters(f *testing.F) {
	f.Add("shard,-application", "mimir*,-*-operator", "*x*")
	f.Add("-,--,*", "-", "**,***")
	f.Fuzz(func(t *testing.T, never, services, pods string) {
		rules, err := signal.Filters{NeverTargets: strings.Split(never, ","), MonitoringServices: strings.Split(services, ","),
			MonitoringPods: strings.Split(pods, ",")}.Rules()
		if err != nil {
			return
		}
		// Whatever is filtered, a Deployment is not, unless somebody says so.
		got, _ := rules.Candidates(signal.Alert{Labels: labels{"namespace": "shop", "deployment": "cart", "cluster": "c", "alertname": "a"}})
		if !slices.Contains(strings.FieldsFunc(never, func(r rune) bool { return r == ',' || r == ' ' }), "deployment") {
			require.NotEmpty(t, got)
			require.Equal(t, "cart", got[0].Name)
		}
	})
}
