package ledgertest

import (
	"fmt"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/ledger"
)

var alertTests = []test{
	{"a resolve finds the claim that its alert joined", resolveFinds},
	{"a resolve of an earlier episode resolves nothing", resolveStale},
	{"a resolve of an alert that never joined is not found", resolveUnknown},
	{"a repeated resolve counts once", resolveTwice},
	{"an alert that fires again after its resolve fires", refires},
	{"a late join of an earlier episode changes nothing", joinStale},
	{"alerts beyond the bound are counted and never taken for resolved", joinExcess},
	{"an alert follows its next episode to the next remediation", joinNext},
}

var (
	episode = time.Date(2026, 3, 1, 12, 0, 0, 123e6, time.UTC)
	ended   = episode.Add(time.Minute)
)

func (s *suite) join(id string, startsAt time.Time, want ledger.JoinOutcome) {
	s.t.Helper()
	got, err := s.l.JoinAlert(s.t.Context(), ledger.Alert{ID: id, StartsAt: startsAt, Fingerprint: workload, Remediation: base + "-1"})
	s.ok(err)
	require.Equal(s.t, want, got)
}

func (s *suite) resolve(id string, startsAt time.Time) (ledger.Resolution, bool) {
	s.t.Helper()
	foreseen, would, err := s.l.WouldResolve(ledger.ReadOnly(s.t.Context()), id, startsAt)
	s.ok(err)
	r, found, err := s.l.ResolveAlert(s.t.Context(), id, startsAt, ended)
	s.ok(err)
	require.Equal(s.t, found, would, "what was foreseen")
	require.Equal(s.t, r, foreseen, "what was foreseen")
	return r, found
}

func (s *suite) alerts() ledger.AlertList {
	s.t.Helper()
	list, err := s.l.Alerts(s.t.Context(), workload, base+"-1")
	s.ok(err)
	return list
}

func resolveFinds(s *suite) {
	s.join("a1", episode, ledger.Joined)
	s.join("a2", episode.Add(time.Second), ledger.Joined)
	r, found := s.resolve("a1", episode)
	require.True(s.t, found)
	require.Equal(s.t, ledger.Resolution{Fingerprint: workload, Remediation: base + "-1", StillFiring: 1}, r)
	list := s.alerts()
	for i := range list.Alerts {
		require.Equal(s.t, int64(1), list.Alerts[i].Times)
		list.Alerts[i].FirstSeen, list.Alerts[i].LastSeen, list.Alerts[i].Times = time.Time{}, time.Time{}, 0
	}
	require.Equal(s.t, []ledger.Alert{
		{ID: "a1", StartsAt: episode, EndsAt: ended, Fingerprint: workload, Remediation: base + "-1"},
		{ID: "a2", StartsAt: episode.Add(time.Second), Fingerprint: workload, Remediation: base + "-1"},
	}, list.Alerts)
	require.Equal(s.t, 1, list.Firing())
	r, _ = s.resolve("a2", episode.Add(time.Second))
	require.Zero(s.t, r.StillFiring)
}

func resolveStale(s *suite) {
	s.join("a1", episode, ledger.Joined)
	_, found := s.resolve("a1", episode.Add(-time.Hour))
	require.False(s.t, found)
	require.Equal(s.t, 1, s.alerts().Firing())
}

func resolveUnknown(s *suite) {
	_, found := s.resolve("a1", episode)
	require.False(s.t, found)
}

func resolveTwice(s *suite) {
	s.join("a1", episode, ledger.Joined)
	s.join("a2", episode, ledger.Joined)
	for range 3 {
		r, found := s.resolve("a1", episode)
		require.True(s.t, found)
		require.Equal(s.t, 1, r.StillFiring)
	}
}

func refires(s *suite) {
	s.join("a1", episode, ledger.Joined)
	s.resolve("a1", episode)
	s.join("a1", episode.Add(time.Hour), ledger.Joined)
	require.Equal(s.t, 1, s.alerts().Firing())
	_, found := s.resolve("a1", episode)
	require.False(s.t, found, "the first episode's resolve, delivered again")
	r, found := s.resolve("a1", episode.Add(time.Hour))
	require.True(s.t, found)
	require.Zero(s.t, r.StillFiring)
}

func joinStale(s *suite) {
	s.join("a1", episode, ledger.Joined)
	s.resolve("a1", episode)
	s.join("a1", episode.Add(-time.Hour), ledger.JoinedStale)
	require.Zero(s.t, s.alerts().Firing())
}

func joinExcess(s *suite) {
	alerts := make([]ledger.Alert, ledger.MaxAlerts)
	for i := range alerts {
		alerts[i] = s.alert(fmt.Sprintf("a%d", i))
	}
	s.joinMany(alerts...)
	s.join("one-too-many", episode, ledger.JoinedExcess)
	s.join("a7", episode, ledger.Joined)
	list := s.alerts()
	require.Len(s.t, list.Alerts, ledger.MaxAlerts)
	require.Equal(s.t, 1, list.Excess)
	r, _ := s.resolve("a7", episode)
	require.Equal(s.t, ledger.MaxAlerts, r.StillFiring, "all others, and the one only counted")
}

func joinNext(s *suite) {
	s.join("a1", episode, ledger.Joined)
	next := ledger.Alert{ID: "a1", StartsAt: episode.Add(time.Hour), Fingerprint: other, Remediation: base + "-2"}
	_, err := s.l.JoinAlert(s.t.Context(), next)
	s.ok(err)
	s.join("a1", episode, ledger.Joined) // delivered late
	r, found := s.resolve("a1", next.StartsAt)
	require.True(s.t, found)
	require.Equal(s.t, ledger.Resolution{Fingerprint: other, Remediation: base + "-2"}, r)
}
