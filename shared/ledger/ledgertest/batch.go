package ledgertest

import (
	"fmt"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/ledger"
)

var batchTests = []test{
	{"many arrivals are answered in their order, each by its own", reserveMany},
	{"an arrival joins the remediation that it had joined before, if that holds the claim", arrivalJoins},
	{"many alerts join at once", joinMany},
	{"a batch over its bound is refused", batchBounded},
}

func (s *suite) reserveMany(arrivals []ledger.Arrival) []ledger.Met {
	s.t.Helper()
	met, err := s.l.ReserveMany(s.t.Context(), arrivals)
	s.ok(err)
	require.Len(s.t, met, len(arrivals))
	return met
}

func reserveMany(s *suite) {
	const workloads = 50
	var arrivals []ledger.Arrival
	for i := range workloads {
		arrivals = append(arrivals, ledger.Arrival{
			Reservation: ledger.Reservation{Fingerprint: fmt.Sprintf("w%d", i), Base: base, Lease: long},
		})
	}
	arrivals[7].Fingerprint = "not an id"
	arrivals[9].Fingerprint = "w8"
	for round, want := range []ledger.ReserveOutcome{ledger.Opened, ledger.Pending} {
		for i, m := range s.reserveMany(arrivals) {
			if i == 7 {
				require.ErrorIs(s.t, m.Err, ledger.ErrInvalid)
				continue
			}
			s.ok(m.Err)
			require.Equal(s.t, arrivals[i].Fingerprint, m.Claim.Fingerprint)
			require.Equal(s.t, base+"-1", m.Claim.Remediation)
			if i == 9 {
				require.Equal(s.t, ledger.Pending, m.Outcome, "the second of one workload")
				continue
			}
			require.Equal(s.t, want, m.Outcome, "round %d, arrival %d", round, i)
		}
	}
	require.Empty(s.t, s.reserveMany(nil))
}

func (s *suite) joinMany(alerts ...ledger.Alert) []ledger.Join {
	s.t.Helper()
	joins, err := s.l.JoinMany(s.t.Context(), alerts)
	s.ok(err)
	return joins
}

func (s *suite) alert(id string) ledger.Alert {
	return ledger.Alert{ID: id, StartsAt: episode, Fingerprint: workload, Remediation: base + "-1"}
}

func arrivalJoins(s *suite) {
	c := s.live()
	arrival := ledger.Arrival{
		Reservation: ledger.Reservation{Fingerprint: workload, Base: base, Lease: long}, Alert: s.alert("a1"),
	}
	m := s.reserveMany([]ledger.Arrival{arrival})[0]
	s.ok(m.Err)
	require.Equal(s.t, ledger.Duplicate, m.Outcome)
	require.True(s.t, m.Joined)
	require.Equal(s.t, 1, s.alerts().Firing())
	s.ok(s.settle(c, 0))
	m = s.reserveMany([]ledger.Arrival{arrival})[0]
	s.ok(m.Err)
	require.Equal(s.t, ledger.Opened, m.Outcome)
	require.False(s.t, m.Joined, "the next remediation has yet to be joined")
}

func joinMany(s *suite) {
	late := s.alert("a1")
	late.StartsAt = episode.Add(-time.Hour)
	joins := s.joinMany(s.alert("a1"), s.alert("a2"), late)
	require.Equal(s.t, []ledger.JoinOutcome{ledger.Joined, ledger.Joined, ledger.JoinedStale},
		[]ledger.JoinOutcome{joins[0].Outcome, joins[1].Outcome, joins[2].Outcome})
	r, found := s.resolve("a1", episode)
	require.True(s.t, found)
	require.Equal(s.t, 1, r.StillFiring)
	_, err := s.l.JoinMany(s.t.Context(), []ledger.Alert{s.alert("#bad")})
	require.ErrorIs(s.t, err, ledger.ErrInvalid)
}

func batchBounded(s *suite) {
	arrivals := make([]ledger.Arrival, 2*ledger.MaxBatch+1)
	for i := range arrivals {
		arrivals[i].Reservation = ledger.Reservation{Fingerprint: workload, Base: base, Lease: long}
	}
	_, err := s.l.ReserveMany(s.t.Context(), arrivals)
	require.ErrorIs(s.t, err, ledger.ErrInvalid)
}
