package scan

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/functions/gateway/source"
	"kubernaut.ai/shared/cluster"
)

func TestTheScanOfEventsGoesOnWhereItStopped(t *testing.T) {
	reads := &fakeSource{path: eventsPath}
	answers := map[string]string{"/api/v1/events": `{"kind":"EventList","apiVersion":"v1","items":[
		{"metadata":{"name":"e0","namespace":"shop"},"message":"long ago","lastTimestamp":"2026-11-22T03:54:00Z"},
		{"metadata":{"name":"e1","namespace":"shop"},"message":"unreadable","lastTimestamp":"2026-11-22T03:59:00Z"},
		{"metadata":{"name":"e2","namespace":"shop"},"message":"seen","lastTimestamp":"2026-11-22T03:58:00Z","involvedObject":{"kind":"Pod"}}]}`}
	w, s := only(t, Options{Events: true, Sources: []source.Source{reads}}, answers)
	found, err := s.Find(t.Context())
	require.NoError(t, err)
	require.Len(t, found.Batches, 1)
	require.Equal(t, "fake-scan", found.Batches[0].Source)
	require.Len(t, reads.read, 1)
	require.Equal(t, []any{"seen", "Event"}, []any{reads.read[0]["message"], reads.read[0]["kind"]})
	again, err := s.Find(t.Context())
	require.NoError(t, err)
	require.Len(t, again.Batches, 1, "what was not accepted is found again")
	require.NoError(t, found.Accepted(t.Context()))
	none, err := s.Find(t.Context())
	require.NoError(t, err)
	require.Empty(t, none.Batches)
	w.redis.SetError("LOADING")
	_, err = s.Find(t.Context())
	require.Error(t, err)
}

func TestTheScanOfEventsLooksNoFurtherBackThanTheyCount(t *testing.T) {
	reads := &fakeSource{path: eventsPath}
	answers := map[string]string{"/api/v1/events": `{"kind":"EventList","apiVersion":"v1","items":[
		{"metadata":{"name":"e0","namespace":"shop"},"message":"too old","lastTimestamp":"2026-11-22T03:56:00Z"},
		{"metadata":{"name":"e1","namespace":"shop"},"message":"seen","lastTimestamp":"2026-11-22T03:58:00Z"}]}`}
	w, s := only(t, Options{Events: true, EventMaxAge: 3 * time.Minute, Sources: []source.Source{reads}}, answers)
	require.NoError(t, w.redis.Ledger(t).SetMark(t.Context(), markEvents, now.Add(-time.Hour)))
	_, err := s.Find(t.Context())
	require.NoError(t, err)
	require.Len(t, reads.read, 1)
	require.Equal(t, "seen", reads.read[0]["message"])
	require.Empty(t, w.dropped)
}

func TestWhatAScanOfEventsLeavesOutIsCounted(t *testing.T) {
	one := `{"metadata":{"name":"e","namespace":"shop"},"message":"seen","lastTimestamp":"2026-11-22T03:58:00Z"}`
	answers := map[string]string{"/api/v1/events": `{"kind":"EventList","apiVersion":"v1","items":[` +
		strings.Repeat(one+",", cluster.MaxWarnings) + one + `]}`}
	w, s := only(t, Options{Events: true, Sources: []source.Source{&fakeSource{path: eventsPath}}}, answers)
	_, err := s.Find(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{ReasonCut}, w.dropped)
}
