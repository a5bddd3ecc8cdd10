package function

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/functions/gateway/scan"
)

var (
	scanAll  = scan.Options{Events: true, Flux: true}
	scanFlux = scan.Options{Flux: true}
)

// senders are all kinds of them: where each posts, what opens a remediation, and
// what says that it stopped where it ever does.
var senders = map[string]struct {
	path, body, ended string
	headers           []string
}{
	"an Alertmanager":                    {path: prometheusPath, body: fixed("prometheus/one_alert_firing"), ended: fixed("prometheus/one_alert_resolved")},
	"Karo's users":                       {path: "/webhook/karo", body: fixed("prometheus/one_alert_firing"), ended: fixed("prometheus/one_alert_resolved")},
	"Prometheus":                         {path: alertsPath, body: fixed("alertmanager/firing_until_its_end"), ended: fixed("alertmanager/resolved_by_its_end")},
	"an exporter":                        {path: eventPath, body: fixed("kubernetes-event/back_off")},
	"an ApiServerSource":                 {path: cloudEventsPath, body: fixed("apiserver/binary_back_off"), headers: binary},
	"a Broker":                           {path: "/", body: fixed("apiserver/binary_back_off"), headers: binary},
	"Flux":                               {path: fluxPath, body: fixed("flux/kustomization_error"), ended: fixed("flux/kustomization_info")},
	"Flux's provider for Alertmanager":   {path: alertsPath, body: fixed("alertmanager/flux_error"), ended: fixed("alertmanager/flux_info_is_recovery")},
	"an Alertmanager that Flux posts to": {path: prometheusPath, body: fixed("prometheus/flux_error"), ended: fixed("prometheus/flux_info_is_recovery")},
}

// fixed is what one of the sources' senders sends.
func fixed(name string) string {
	text, err := os.ReadFile("source/testdata/" + name + ".json")
	if err != nil {
		panic(fmt.Sprint("no such fixture: ", err))
	}
	return string(text)
}

// TestEverySourceHasItsSender keeps the crash points complete: a source that is
// added is broken at each of its steps, too.
func TestEverySourceHasItsSender(t *testing.T) {
	var posted []string
	for _, s := range senders {
		posted = append(posted, s.path)
	}
	for _, s := range sources(t) {
		if s.Name() == "pager" { // the tests' own
			continue
		}
		require.True(t, slices.ContainsFunc(s.Paths(), func(pattern string) bool {
			return slices.Contains(posted, pathOf(pattern))
		}), "no sender posts to %s at %v", s.Name(), s.Paths())
	}
}
