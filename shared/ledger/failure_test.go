package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/ledger/ledgertest"
)

// recovery bounds the wait until a ledger serves again, on a loaded machine.
const recovery = time.Minute

func openURL(t *testing.T, url string, options ...ledger.Option) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(url, options...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}

// held is a workload whose remediation is under way, as far as a confirmation.
type held struct {
	claim  ledger.Claim
	turn   ledger.Turn
	ledger *ledger.Ledger
}

func hold(t *testing.T, l *ledger.Ledger, fingerprint string) held {
	t.Helper()
	claim, outcome, err := l.Reserve(t.Context(), ledger.Reservation{Fingerprint: fingerprint, Base: "base-of-" + fingerprint, Lease: time.Minute})
	require.NoError(t, err)
	require.Equal(t, ledger.Opened, outcome)
	require.NoError(t, l.Confirm(t.Context(), ledger.Confirmation{Fingerprint: fingerprint, Remediation: claim.Remediation,
		Token: claim.Token, Phase: "received", Within: time.Hour, Event: []byte("event")}))
	turn, err := l.Begin(t.Context(), "execute", fingerprint, time.Minute)
	require.NoError(t, err)
	require.Equal(t, ledger.TurnFresh, turn.State)
	return held{claim, turn, l}
}

// stands shows that nobody else can have the claim or the turn, and that their
// holder goes on to the end.
func (h held) stands(t *testing.T) {
	t.Helper()
	ctx, l := t.Context(), h.ledger
	claim, outcome, err := l.Reserve(ctx, ledger.Reservation{Fingerprint: h.claim.Fingerprint, Base: "another", Lease: time.Minute})
	require.NoError(t, err)
	require.Equal(t, ledger.Duplicate, outcome)
	require.Equal(t, h.claim.Remediation, claim.Remediation)
	turn, err := l.Begin(ctx, h.turn.Stage, h.turn.Event, time.Minute)
	require.NoError(t, err)
	require.Equal(t, ledger.TurnRunning, turn.State)
	require.NoError(t, l.Finish(ctx, h.turn, []byte("reply"), time.Hour))
	require.NoError(t, l.Settle(ctx, ledger.Settlement{Fingerprint: claim.Fingerprint, Remediation: claim.Remediation,
		Outcome: "effective", Cooldown: time.Minute}))
}

// serves waits until the ledger answers for that workload, and expects nothing
// but ErrUnavailable until then: what the sender is told to retry.
func serves(t *testing.T, l *ledger.Ledger, fingerprint string) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, err := l.Get(context.WithoutCancel(t.Context()), fingerprint)
		if err == nil || errors.Is(err, ledger.ErrNotFound) {
			return true
		}
		if !errors.Is(err, ledger.ErrUnavailable) {
			t.Errorf("get: %v", err)
		}
		return false
	}, recovery, 10*time.Millisecond)
}

func TestClaimsSurviveTheirPrimary(t *testing.T) {
	needRedisServer(t)
	t.Parallel()
	redis := ledgertest.RedisReplicated(t)
	l := openURL(t, redis.URL)
	var claims []held
	for i := range 20 {
		claims = append(claims, hold(t, l, fmt.Sprint("workload-", i)))
	}
	redis.Synchronize(t)
	redis.TakeOver(t)
	serves(t, l, "workload-0")
	due, err := l.CountDue(t.Context())
	require.NoError(t, err)
	require.Len(t, claims, due.Total, "each has its watch")
	for _, h := range claims {
		h.stands(t)
	}
}

func TestWhatThePrimaryTookWithItIsForgottenAndCannotHappenTwice(t *testing.T) {
	needRedisServer(t)
	t.Parallel()
	redis := ledgertest.RedisReplicated(t)
	l := openURL(t, redis.URL)
	kept := hold(t, l, "kept")
	redis.Synchronize(t)
	redis.Detach(t)
	lost, orphan := hold(t, l, "lost"), hold(t, l, "orphan")
	redis.TakeOver(t)
	serves(t, l, "kept")
	kept.stands(t)

	ctx := t.Context()
	_, err := l.Get(ctx, "lost")
	require.ErrorIs(t, err, ledger.ErrNotFound)

	// The alert comes again, before the stage at work reports: the same episode
	// has the same remediation id, under a higher token.
	again, outcome, err := l.Reserve(ctx, ledger.Reservation{Fingerprint: "lost", Base: "base-of-lost", Lease: time.Minute})
	require.NoError(t, err)
	require.Equal(t, ledger.Opened, outcome)
	require.Equal(t, lost.claim.Remediation, again.Remediation)
	require.Greater(t, again.Token, lost.claim.Token)
	err = l.Confirm(ctx, ledger.Confirmation{Fingerprint: "lost", Remediation: lost.claim.Remediation, Token: lost.claim.Token,
		Phase: "received", Within: time.Hour, Event: []byte("event")})
	require.ErrorIs(t, err, ledger.ErrNotHolder, "the one before is fenced off")

	// The stage at work reports first: its claim is there again, and nobody can
	// call off what may have been done.
	require.NoError(t, l.Advance(ctx, ledger.Advance{Fingerprint: "orphan", Remediation: orphan.claim.Remediation,
		Phase: "approved", Within: time.Hour, Event: []byte("event")}))
	claim, err := l.Get(ctx, "orphan")
	require.NoError(t, err)
	require.Equal(t, ledger.Confirmed, claim.State)
	require.Equal(t, ledger.ExecutedUnknown, claim.Executed)
	require.NoError(t, l.Finish(ctx, orphan.turn, []byte("reply"), time.Hour), "its turn is recorded")
	turn, err := l.Begin(ctx, orphan.turn.Stage, orphan.turn.Event, time.Minute)
	require.NoError(t, err)
	require.Equal(t, ledger.TurnDone, turn.State)
}

func TestANodeOfAClusterThatFailsTakesOnlyItsOwnClaims(t *testing.T) {
	needRedisServer(t)
	t.Parallel()
	cluster := ledgertest.RedisCluster(t)
	l := openURL(t, cluster.URL)
	failing, _ := cluster.OwnerOf(t, "{workload-0}")
	var away, there []held
	for i := range 30 {
		fingerprint := fmt.Sprint("workload-", i)
		h := hold(t, l, fingerprint)
		owner, _ := cluster.OwnerOf(t, "{"+fingerprint+"}")
		turnOwner, _ := cluster.OwnerOf(t, "{execute/"+fingerprint+"}")
		switch {
		case owner == failing && turnOwner == failing:
			away = append(away, h)
		case owner != failing && turnOwner != failing:
			there = append(there, h)
		}
	}
	require.NotEmpty(t, away)
	require.NotEmpty(t, there)
	failing.Freeze(t)
	const impatience = 500 * time.Millisecond
	waiting := openURL(t, cluster.URL, ledger.WithTimeouts(impatience, impatience))
	_, err := waiting.Get(t.Context(), away[0].claim.Fingerprint)
	require.ErrorIs(t, err, ledger.ErrUnavailable)
	for _, h := range there {
		serves(t, waiting, h.claim.Fingerprint)
	}
	failing.Thaw(t)
	for _, h := range append(away, there...) {
		serves(t, l, h.claim.Fingerprint)
		h.stands(t)
	}
}
