package signal_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/signal"
)

func TestFilters(t *testing.T) {
	tests := map[string]struct {
		filters signal.Filters
		labels  labels
		want    []signal.Candidate
		reason  string
	}{
		"an empty list is the default": {filters: signal.Filters{NeverTargets: []string{""}}, labels: labels{"application": "cart"}, reason: signal.ReasonNoTarget},
		"a label may never name a target": {filters: signal.Filters{NeverTargets: []string{"service", " certificate "}},
			labels: labels{"service": "cart", "certificate": "tls"}, reason: signal.ReasonNoTarget},
		"a label may name one again": {filters: signal.Filters{NeverTargets: []string{"-application"}}, labels: labels{"application": "cart", "image": "x"},
			want: []signal.Candidate{word("", "cart", "application")}},
		"kinds may never be named by kind": {filters: signal.Filters{NeverTargets: []string{"kind"}}, labels: labels{"kind": "HelmRelease", "name": "cart"}, reason: signal.ReasonNoTarget},
		"a service may be the monitoring's": {filters: signal.Filters{MonitoringServices: []string{"mimir*"}}, labels: labels{"namespace": "o", "service": "Mimir-0"},
			want: nil, reason: signal.ReasonMonitoring},
		"a service may be the monitoring's by its whole name": {filters: signal.Filters{MonitoringServices: []string{"vm"}}, labels: labels{"namespace": "o", "service": "vmx"},
			want: []signal.Candidate{found("Service", "o", "vmx", "service")}},
		"a service may be a target again": {filters: signal.Filters{MonitoringServices: []string{"-*-operator"}}, labels: labels{"namespace": "o", "service": "cart-operator"},
			want: []signal.Candidate{found("Service", "o", "cart-operator", "service")}},
		"a pod may be the monitoring's": {filters: signal.Filters{MonitoringPods: []string{"*agent*", "*-probe"}}, labels: labels{"namespace": "o", "pod": "x-probe"}, reason: signal.ReasonMonitoring},
		"the others stay":               {filters: signal.Filters{MonitoringPods: []string{"*agent*"}}, labels: labels{"namespace": "o", "pod": "kube-state-metrics-0"}, reason: signal.ReasonMonitoring},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			rules, err := test.filters.Rules()
			require.NoError(t, err)
			got, reason := rules.Candidates(signal.Alert{Labels: test.labels})
			require.Equal(t, test.want, got)
			if len(got) == 0 {
				require.Equal(t, test.reason, reason)
			}
		})
	}
}

func TestFiltersThatMakeNoSense(t *testing.T) {
	tests := map[string]struct {
		filters signal.Filters
		want    string
	}{
		"a label with a space":               {signal.Filters{NeverTargets: []string{"my label"}}, `"my label" is not valid`},
		"a label that begins with a digit":   {signal.Filters{NeverTargets: []string{"1a"}}, `"1a" is not valid`},
		"a label that is no default":         {signal.Filters{NeverTargets: []string{"-shard"}}, "takes away what is no default; the defaults are action, alertmanager"},
		"the label that names clusters":      {signal.Filters{NeverTargets: []string{"-cluster"}}, `"cluster" cannot be taken away`},
		"a pattern that takes everything":    {signal.Filters{MonitoringPods: []string{"*"}}, `"*" is not valid`},
		"a pattern with an asterisk inside":  {signal.Filters{MonitoringServices: []string{"a*b"}}, `"a*b" is not valid`},
		"a pattern that is no part of names": {signal.Filters{MonitoringServices: []string{"a/b*"}}, `"a/b*" is not valid`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := test.filters.Rules()
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestTheWordsOfOneAlertAreBounded(t *testing.T) {
	many := labels{}
	for i := range 3 * signal.MaxWords {
		many[fmt.Sprintf("word%d", i)] = "x"
	}
	got, _ := signal.NewRules().Candidates(signal.Alert{Labels: many})
	require.Len(t, got, signal.MaxWords)
}
