package scenario

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
)

// believed is how long an alert fires that is not posted again.
const believed = 20 * time.Second

// TestAnAlertThatNobodyRepeatsEnds posts one as a Prometheus does that has no
// Alertmanager, and never again: the gateway ends it on a round that the real
// PingSource starts, and does not take that for somebody's word.
func TestAnAlertThatNobodyRepeatsEnds(t *testing.T) {
	w := enterBeside(t)
	w.onBed(t, "pods fall ill on its fake nodes")
	i := w.fallIll(t)
	now := time.Now()
	status, said := post(t, w.http, alertsURL, []alert{{Labels: i.labels(), StartsAt: now, EndsAt: now.Add(believed)}})
	require.Equal(t, http.StatusOK, status, "%s", said)
	id := w.opened(t, i.target()).ID
	w.well(t, i)
	var data struct{ Resolution event.Resolution }
	require.NoError(t, json.Unmarshal(w.data(t, id, event.SignalResolved), &data))
	require.True(t, data.Resolution.Expired, "%+v", data)
	require.Zero(t, data.Resolution.StillFiring)
	v := w.ended(t, id)
	w.tell(t, v)
	require.Equal(t, event.OutcomeHealed, v.Outcome, "the pods are well, and that is seen: %+v", v)
	w.actedOnce(t, i)
}
