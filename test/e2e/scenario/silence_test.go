package scenario

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
)

const (
	// believed is how long an alert fires that is not posted again, and
	// repeatedEvery how often its sender posts it while it is there.
	believed      = 30 * time.Second
	repeatedEvery = 5 * time.Second
)

// TestAnAlertThatNobodyRepeatsEnds posts one as a Prometheus does that has no
// Alertmanager, again and again until the pods are well, and never after: the
// gateway ends it on a round that the real PingSource starts, and does not take
// that for somebody's word.
func TestAnAlertThatNobodyRepeatsEnds(t *testing.T) {
	w := enterBeside(t)
	w.onBed(t, "pods fall ill on its fake nodes")
	i := w.fallIll(t)
	silence := w.repeat(t, i)
	id := w.opened(t, i.target()).ID
	w.well(t, i)
	silence()
	var data struct{ Resolution event.Resolution }
	require.NoError(t, json.Unmarshal(w.data(t, id, event.SignalResolved), &data))
	require.True(t, data.Resolution.Expired, "%+v", data)
	require.Zero(t, data.Resolution.StillFiring)
	v := w.ended(t, id)
	w.tell(t, v)
	// Whether the round or the assessment's end comes first is the clock's: what
	// still fires when it ends is not known to be healed.
	if v.Outcome != event.OutcomeHealed {
		require.Equal(t, event.OutcomeEscalated, v.Outcome, "%+v", v)
		require.Contains(t, v.Detail, "alert_not_resolved")
	}
	w.actedOnce(t, i)
}

// repeat posts the alert of an illness until silence is called or the test ends.
func (w *world) repeat(t testing.TB, i *illness) (silence func()) {
	t.Helper()
	ctx, stop := during(t)
	began, ended := time.Now(), make(chan struct{})
	tick := time.NewTicker(repeatedEvery)
	go func() {
		defer close(ended)
		defer tick.Stop()
		for {
			now := time.Now()
			status, said, err := send(ctx, w.http, alertsURL, []alert{{Labels: i.labels(), StartsAt: began, EndsAt: now.Add(believed)}})
			if ctx.Err() == nil && (err != nil || status != http.StatusOK) {
				t.Errorf("the gateway says %d %s %v", status, said, err)
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
	t.Cleanup(func() { stop(); <-ended })
	return func() { stop(); <-ended }
}
