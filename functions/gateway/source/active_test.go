package source

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const activeAlert = `{"annotations":{"summary":"s"},"endsAt":"2026-11-22T12:05:00Z","fingerprint":"0ee8e5a2f8d3c7b1","receivers":[{"name":"kubernaut"}],
"startsAt":"2026-11-22T12:00:00.5Z","status":{"inhibitedBy":[],"silencedBy":[],"state":"active"},"updatedAt":"2026-11-22T12:01:00Z",
"generatorURL":"http://prometheus/graph","labels":{"alertname":"KubePodCrashLooping","namespace":"shop","pod":"cart-1"}}`

func TestActiveAlertsAreThoseOfTheWebhook(t *testing.T) {
	b, err := Active([]byte("["+activeAlert+"]"), now)
	require.NoError(t, err)
	require.Len(t, b.Items, 1)
	got := b.Items[0]
	require.Empty(t, got.Invalid)
	require.Equal(t, "0ee8e5a2f8d3c7b1", got.Alert.ID, "Alertmanager's own fingerprint")
	require.False(t, got.Alert.Resolved, "its end is only when Alertmanager would take it for ended")
	require.Equal(t, time.Date(2026, 11, 22, 12, 0, 0, 5e8, time.UTC), got.Alert.StartsAt)
	require.Equal(t, "cart-1", got.Alert.Labels["pod"])
	require.True(t, got.Alert.Expires.IsZero())
}

func TestWhatIsNoListOfActiveAlertsIsRefused(t *testing.T) {
	for name, body := range map[string]string{
		"an object": `{}`, "nothing": ``, "a name twice": `[{"labels":{"alertname":"A","alertname":"B"}}]`, "labels that are no texts": `[{"labels":{"a":1}}]`,
	} {
		_, err := Active([]byte(body), now)
		require.Error(t, err, name)
	}
	b, err := Active([]byte(`[{"startsAt":"soon","labels":{"alertname":"A"}},{"labels":{}},{"startsAt":"2026-11-22T12:00:00Z","labels":{"pod":"x"}}]`), now)
	require.NoError(t, err)
	var reasons []string
	for _, i := range b.Items {
		reasons = append(reasons, i.Invalid)
	}
	require.Equal(t, []string{ReasonBadTime, ReasonNoLabels, ReasonNoAlertName}, reasons)
	b, err = Active([]byte(`[]`), now)
	require.NoError(t, err, "that nothing fires is no failure")
	require.Empty(t, b.Items)
}

func TestWhatFluxSaidIsOneAlertAnObjectAmongActiveAlerts(t *testing.T) {
	said := func(severity, reason, starts string) string {
		return fmt.Sprintf(`{"fingerprint":"0ee8e5a2f8d3c7b1","startsAt":"2026-11-22T12:0%s:00Z","labels":{"alertname":"FluxKustomization%[2]s","severity":"%[3]s",
"reason":"%[2]s","kind":"Kustomization","name":"apps","namespace":"shop","reportingcontroller":"kustomize-controller"}}`, starts, reason, severity)
	}
	failed, succeeded := said("error", "Buildfailed", "1"), said("info", "Succeeded", "2")
	for name, test := range map[string]struct {
		alerts   []string
		resolved []bool
		ignored  []string
	}{
		"an error fires":   {[]string{failed}, []bool{false}, []string{""}},
		"an info resolves": {[]string{succeeded}, []bool{true}, []string{""}},
		"an info is later than the error beside it":  {[]string{failed, succeeded}, []bool{false, true}, []string{ReasonFluxRecovered, ""}},
		"an error is later than the info beside it":  {[]string{succeeded, said("error", "Buildfailed", "3")}, []bool{true, false}, []string{"", ""}},
		"one is at work, which says nothing of both": {[]string{failed, said("info", "Progressing", "3")}, []bool{false, false}, []string{"", ReasonNotSettled}},
	} {
		t.Run(name, func(t *testing.T) {
			list := "[" + strings.Join(test.alerts, ",") + "]"
			b, err := Active([]byte(list), now)
			require.NoError(t, err)
			routed := strings.ReplaceAll(list, `{"fingerprint"`, `{"status":"firing","fingerprint"`)
			w, err := opened(t, nil, atPrometheus).Read(request(`{"version":"4","alerts":` + routed + `}`))
			require.NoError(t, err)
			require.Equal(t, w.Items, b.Items, "the webhook says the same")
			for n, i := range b.Items {
				require.Equal(t, notice{object: kustomization}.id(), i.Alert.ID)
				require.Equal(t, []any{test.resolved[n], test.ignored[n], ""}, []any{i.Alert.Resolved, i.Ignored, i.Invalid})
			}
		})
	}
}

func TestMoreActiveAlertsThanARoundTakesAreCounted(t *testing.T) {
	one := `{"startsAt":"2026-11-22T12:00:00Z","labels":{"alertname":"A"}}`
	b, err := Active([]byte("["+strings.TrimSuffix(strings.Repeat(one+",", MaxAlerts+3), ",")+"]"), now)
	require.NoError(t, err)
	require.Len(t, b.Items, MaxAlerts)
	require.Equal(t, 3, b.Truncated)
}

// TestAStormThatTheScanCannotTakeIsTakenInPart has more alerts, and so more
// members, than a sender's body may: an Alertmanager gives what it has.
func TestAStormThatTheScanCannotTakeIsTakenInPart(t *testing.T) {
	const storm, usual = 6000, 17 // alerts, and the members of each without these labels
	labels := func(from string, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"%s%d":"x"`, from, i)
		}
		return b.String()
	}
	for name, c := range map[string]struct{ labels, taken int }{
		"as many as a round takes":                        {15, MaxAlerts},
		"fewer, where each has more labels than is usual": {100, MaxMembers/(usual+100) + 1},
	} {
		t.Run(name, func(t *testing.T) {
			one := strings.Replace(activeAlert, `"pod":"cart-1"`, `"pod":"cart-1"`+labels("l", c.labels), 1)
			b, err := Active([]byte("["+strings.TrimSuffix(strings.Repeat(one+",", storm), ",")+"]"), now)
			require.NoError(t, err)
			require.Len(t, b.Items, c.taken)
			require.Equal(t, storm-c.taken, b.Truncated)
		})
	}
	t.Run("but none of countless labels", func(t *testing.T) {
		_, err := Active([]byte(`[{"labels":{"alertname":"A"`+labels("l", MaxMembers)+`}}]`), now)
		require.ErrorIs(t, err, ErrTooMany)
	})
}

func FuzzActive(f *testing.F) {
	f.Add([]byte("[" + activeAlert + "]"))
	f.Add([]byte(`[{"labels":{"alertname":"A"},"startsAt":""}]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		b, err := Active(body, now)
		if err != nil {
			return
		}
		for _, i := range b.Items {
			if i.Invalid == "" && (i.Alert.ID == "" || i.Alert.Name() == "" || i.Alert.StartsAt.IsZero()) {
				t.Fatal(fmt.Sprint("an alert without id, name or start is taken: ", i.Alert))
			}
		}
	})
}
