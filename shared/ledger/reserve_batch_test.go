package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/ledger/ledgertest"
)

func TestManyReserveAndJoinTogether(t *testing.T) {
	urls := map[string]func() string{"embedded": func() string { return ledgertest.Miniredis(t).URL() }}
	if ledgertest.HaveRedisServer() {
		urls["real"] = func() string { return ledgertest.RedisServer(t) }
	}
	for name, url := range urls {
		t.Run(name, func(t *testing.T) { manyTogether(t, url()) })
	}
}

func manyTogether(t *testing.T, url string) {
	l, err := ledger.Open(url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	starts := time.UnixMilli(1_800_000_000_000)
	reservation := ledger.Reservation{Fingerprint: "f1", Base: "base", Lease: time.Minute}
	arrive := func(remediation string, ids ...string) []ledger.Met {
		var arrivals []ledger.Arrival
		for _, id := range ids {
			a := ledger.Arrival{Reservation: reservation}
			if remediation != "" {
				a.Alert = ledger.Alert{ID: id, StartsAt: starts, Fingerprint: "f1", Remediation: remediation}
			}
			arrivals = append(arrivals, a)
		}
		met, err := l.ReserveMany(t.Context(), arrivals)
		require.NoError(t, err)
		for _, m := range met {
			require.NoError(t, m.Err)
		}
		return met
	}

	first := arrive("", "a", "b")
	require.Equal(t, ledger.Opened, first[0].Outcome)
	require.Equal(t, ledger.Pending, first[1].Outcome)
	id := first[0].Claim.Remediation
	require.Equal(t, ledger.Pending, arrive(id, "a")[0].Outcome, "what is not confirmed is no duplicate, whatever is remembered")
	require.NoError(t, l.Confirm(t.Context(), ledger.Confirmation{Fingerprint: "f1", Remediation: id, Token: first[0].Claim.Token,
		Phase: "signal.received", Within: time.Minute, Event: []byte("{}")}))

	met := arrive(id, "a", "b", "a")
	for _, m := range met {
		require.Equal(t, ledger.Duplicate, m.Outcome)
		require.True(t, m.Joined)
		require.EqualValues(t, 3, m.Claim.Duplicates)
	}
	list, err := l.Alerts(t.Context(), "f1", id)
	require.NoError(t, err)
	require.Len(t, list.Alerts, 2, "an alert named twice joins once")
	require.Equal(t, 2, list.Firing())

	t.Run("an alert that fires again after its resolve counts as firing", func(t *testing.T) {
		_, err := l.JoinMany(t.Context(), []ledger.Alert{{ID: "a", StartsAt: starts, Fingerprint: "f1", Remediation: id}})
		require.NoError(t, err)
		r, found, err := l.ResolveAlert(t.Context(), "a", starts, starts.Add(time.Minute))
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, 1, r.StillFiring)
		arrive(id, "a")
		list, err := l.Alerts(t.Context(), "f1", id)
		require.NoError(t, err)
		require.Equal(t, 2, list.Firing())
	})
	t.Run("more alerts than are remembered are counted", func(t *testing.T) {
		ids := make([]string, ledger.MaxAlerts+10)
		for i := range ids {
			ids[i] = fmt.Sprintf("n%d", i)
		}
		arrive(id, ids...)
		list, err := l.Alerts(t.Context(), "f1", id)
		require.NoError(t, err)
		require.Len(t, list.Alerts, ledger.MaxAlerts)
		require.Equal(t, 12, list.Excess)
	})
	t.Run("who remembers another remediation goes the long way", func(t *testing.T) {
		m := arrive("other-1", "a")[0]
		require.Equal(t, ledger.Duplicate, m.Outcome)
		require.Equal(t, id, m.Claim.Remediation)
		require.False(t, m.Joined)
	})
	t.Run("what is not valid fails alone", func(t *testing.T) {
		bad := ledger.Arrival{Reservation: ledger.Reservation{Fingerprint: "{f}", Base: "b", Lease: time.Minute}}
		met, err := l.ReserveMany(t.Context(), []ledger.Arrival{bad, {Reservation: reservation}})
		require.NoError(t, err)
		require.ErrorIs(t, met[0].Err, ledger.ErrInvalid)
		require.Equal(t, ledger.Duplicate, met[1].Outcome)
	})
}
