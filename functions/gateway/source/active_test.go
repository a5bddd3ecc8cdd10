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
	b, err := Active([]byte("[" + activeAlert + "]"))
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
		_, err := Active([]byte(body))
		require.Error(t, err, name)
	}
	b, err := Active([]byte(`[{"startsAt":"soon","labels":{"alertname":"A"}},{"labels":{}},{"startsAt":"2026-11-22T12:00:00Z","labels":{"pod":"x"}}]`))
	require.NoError(t, err)
	var reasons []string
	for _, i := range b.Items {
		reasons = append(reasons, i.Invalid)
	}
	require.Equal(t, []string{ReasonBadTime, ReasonNoLabels, ReasonNoAlertName}, reasons)
	b, err = Active([]byte(`[]`))
	require.NoError(t, err, "that nothing fires is no failure")
	require.Empty(t, b.Items)
}

func TestMoreActiveAlertsThanARoundTakesAreCounted(t *testing.T) {
	one := `{"startsAt":"2026-11-22T12:00:00Z","labels":{"alertname":"A"}}`
	b, err := Active([]byte("[" + strings.TrimSuffix(strings.Repeat(one+",", MaxAlerts+3), ",") + "]"))
	require.NoError(t, err)
	require.Len(t, b.Items, MaxAlerts)
	require.Equal(t, 3, b.Truncated)
}

func FuzzActive(f *testing.F) {
	f.Add([]byte("[" + activeAlert + "]"))
	f.Add([]byte(`[{"labels":{"alertname":"A"},"startsAt":""}]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		b, err := Active(body)
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
