package function

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
)

// givenAway is the credential in senders' texts.
const givenAway = "hunter22hunter22"

// TestNoCredentialInASendersTextReachesAnEvent has every kind of sender pass a
// credential on. What identifies the alert stays: its name, its labels, its id.
func TestNoCredentialInASendersTextReachesAnEvent(t *testing.T) {
	put := func(fixture, was, is string) func(*testing.T) string {
		return func(t *testing.T) string {
			text := sent(t, fixture)
			require.Contains(t, text, was)
			return strings.Replace(text, was, is, 1)
		}
	}
	for name, c := range map[string]struct {
		path    string
		body    func(*testing.T) string
		headers []string
		alert   string
		// says is what is left of the text.
		says string
	}{
		"an event of Kubernetes": {eventPath, put("kubernetes-event/back_off", `"reason": "BackOff",
  "message": "Back-off restarting failed container cart in pod cart-6d5f7c9b8d-x2x4q"`, `"reason": "Failed",
  "message": "Failed to pull image \"https://robot:`+givenAway+`@registry.example/cart:2\""`), nil,
			"ErrImagePull", `Failed to pull image "https://[redacted]@registry.example/cart:2"`},
		"an event by an ApiServerSource": {cloudEventsPath, put("apiserver/binary_back_off", "Back-off restarting failed container cart", "Back-off: DB_PASSWORD="+givenAway+" refused"), binary,
			"BackOff", "Back-off: DB_PASSWORD=[redacted] refused in pod cart-6d5f7c9b8d-x2x4q"},
		"Flux's message": {fluxPath, put("flux/helm_release_error", "timed out", "Authorization: Bearer "+givenAway), nil,
			"FluxHelmReleaseUpgradefailed", "Authorization: [redacted]"},
		"Flux's metadata": {fluxPath, put("flux/helm_release_error", `"summary": "east"`, `"summary": "token: `+givenAway+`"`), nil,
			"FluxHelmReleaseUpgradefailed", "token: [redacted]"},
		"an annotation of a rule, by an Alertmanager": {prometheusPath, put("prometheus/one_alert_firing", `"annotations": {`, `"annotations": {"description": "GET /?api_key=`+givenAway+`",`), nil,
			"KubePodCrashLooping", "GET /?api_key=[redacted]"},
		"an annotation of a rule, by Prometheus": {alertsPath, put("alertmanager/firing_until_its_end", `"annotations": {`, `"annotations": {"description": "passwd: '`+givenAway+`'",`), nil,
			"KubePodCrashLooping", "passwd: [redacted]"},
		"the address of Prometheus, which only its user's name and password leave": {prometheusPath, put("prometheus/one_alert_firing", `"generatorURL": "http://prometheus`, `"generatorURL": "http://admin:`+givenAway+`@session:9090/graph?g0.expr=predict_linear`), nil,
			"KubePodCrashLooping", "http://[redacted]@session:9090/graph?g0.expr=predict_linear"},
	} {
		t.Run(name, func(t *testing.T) {
			w := sourcesWorld(t)
			got := postTo(t, w.gateway(t), c.path, c.body(t), c.headers...)
			require.Less(t, got.code, 300, got.raw)
			received := w.broker.of(event.SignalReceived)
			require.Len(t, received, 1, got.raw)
			s := section[event.Signal](t, received[0], event.SectionSignal)
			require.Equal(t, c.alert, s.Name)
			text, err := json.Marshal(s)
			require.NoError(t, err)
			require.NotContains(t, string(text), givenAway)
			quoted, err := json.Marshal(c.says)
			require.NoError(t, err)
			require.Contains(t, string(text), strings.Trim(string(quoted), `"`))
		})
	}
}

func TestLabelsIdentifyAnAlertWhateverTheyLookLike(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, 201, post(t, w.gateway(t), body(alert("firing", "namespace", "shop", "pod", "cart-1", "secret", "token=cart-tls"))).code)
	s := section[event.Signal](t, w.broker.of(event.SignalReceived)[0], event.SectionSignal)
	require.Equal(t, "token=cart-tls", s.Labels["secret"])
}

func TestAnAnnotationThatIsCutLeavesNoHalfOfACredential(t *testing.T) {
	w := newWorld(t)
	whole := strings.Repeat("x", event.MaxAnnotation-30) + " https://robot:" + givenAway + "@registry.example/cart"
	in := strings.Replace(body(firing("cart-1")), `"summary":"s"`, `"description":"`+whole+`"`, 1)
	require.Equal(t, 201, post(t, w.gateway(t), in).code)
	s := section[event.Signal](t, w.broker.of(event.SignalReceived)[0], event.SectionSignal)
	require.NotContains(t, s.Annotations["description"], "hunter22")
	require.Contains(t, s.Annotations["description"], "https://[red")
	require.LessOrEqual(t, len(s.Annotations["description"]), event.MaxAnnotation)
	require.Equal(t, []string{"annotations: 0 left out, 1 shortened"}, s.Cut)
}

func TestMoreAnnotationsThanAnEventCarriesAreSaidToBeLeftOut(t *testing.T) {
	w := &work{}
	w.alert.Annotations = map[string]string{}
	for n := range event.MaxAnnotations + 3 {
		w.alert.Annotations[strings.Repeat("a", n+1)] = "x"
	}
	s := w.signal()
	require.Len(t, s.Annotations, event.MaxAnnotations)
	require.Equal(t, []string{"annotations: 3 left out"}, s.Cut)
	require.Len(t, w.alert.Annotations, event.MaxAnnotations+3, "the alert stays as it is")
}
