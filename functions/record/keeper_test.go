package function

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/history"
	"kubernaut.ai/shared/stage"
)

func TestRetentionIsReadOrRefused(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90d": 90 * day, "1d": day, "720h": 30 * day, "36h30m": 36*time.Hour + 30*time.Minute, "0": 0, "36500d": mostRetention,
	} {
		got, err := parseRetention(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for name, text := range map[string]string{
		"no unit": "90", "less than a day": "23h", "nothing of a unit": "0d", "negative": "-3d", "no number": "d", "words": "for ever",
		"too long to subtract": "36501d", "longer than any number": "99999999999999999999d",
	} {
		_, err := parseRetention(text)
		require.ErrorContains(t, err, EnvRetention, name)
	}
}

// prunes is a store whose Prune says when it was called, and waits.
type prunes struct {
	called  chan time.Time
	release chan error
}

func (p prunes) Prune(ctx context.Context, olderThan time.Time) (int, error) {
	p.called <- olderThan
	select {
	case err := <-p.release:
		return 1, err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func (p prunes) none(t *testing.T) {
	t.Helper()
	select {
	case <-p.called:
		require.Fail(t, "pruned")
	default:
	}
}

func TestTheKeeperPrunesAtMostOnceAnHour(t *testing.T) {
	store := prunes{make(chan time.Time, 1), make(chan error)}
	now := opened
	k := newKeeper(store, 90*day)
	k.now = func() time.Time { return now }
	idle := func() bool {
		k.mu.Lock()
		defer k.mu.Unlock()
		return k.cancel == nil
	}

	turn, end := context.WithCancel(t.Context())
	k.tend(turn, now.Add(time.Minute))
	end()
	require.Equal(t, opened.Add(-90*day), <-store.called, "also after the turn's end")
	now = now.Add(2 * pruneEvery)
	k.tend(t.Context(), now)
	store.none(t) // one is under way
	store.release <- errors.New("a failure waits for the next time as well")
	require.Eventually(t, idle, 5*time.Second, time.Millisecond)

	k.tend(t.Context(), now)
	<-store.called
	store.release <- nil
	require.Eventually(t, idle, 5*time.Second, time.Millisecond)
	now = now.Add(pruneEvery - 1)
	k.tend(t.Context(), now)
	store.none(t)

	now = now.Add(1)
	k.tend(t.Context(), opened)
	require.Equal(t, opened.Add(-90*day), <-store.called, "a clock that runs ahead of the events makes nothing old")
	require.NoError(t, k.stop(), "and ends the one that is under way")
	now = now.Add(2 * pruneEvery)
	k.tend(t.Context(), now)
	store.none(t)
}

func TestARetentionOfZeroKeepsAll(t *testing.T) {
	store := prunes{make(chan time.Time, 1), make(chan error)}
	k := newKeeper(store, 0)
	k.tend(t.Context(), opened)
	require.NoError(t, k.stop())
	store.none(t)
}

func TestWhatIsOlderThanTheRetentionGoesWithTheNextEvent(t *testing.T) {
	url := "sqlite://" + filepath.Join(t.TempDir(), "h.db")
	old := read(t, url)
	entry := func(id string, terminal bool) history.Entry {
		return history.Entry{ID: id + "/event", Type: event.RemediationClosed, Remediation: id, Time: time.Now().Add(-48 * time.Hour),
			Progress: true, Terminal: terminal, Event: []byte("{}")}
	}
	require.NoError(t, old.Append(t.Context(), entry("r-ended", true), entry("r-live", false)))
	config := settings(t, url)
	config[EnvRetention] = "1d"
	f := New()
	require.NoError(t, f.Start(t.Context(), config))
	t.Cleanup(func() { require.NoError(t, f.Stop(context.Background())) })
	e := sealed(t, event.SignalReceived, 0)
	e.SetTime(time.Now())
	key := sealingKey(t, event.StageGateway)
	require.NoError(t, key.Seal(&e))
	_, err := f.Take(t.Context(), e)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, err := old.Remediation(context.Background(), "r-ended")
		return errors.Is(err, history.ErrNotFound)
	}, 10*time.Second, 10*time.Millisecond)
	_, err = old.Remediation(t.Context(), "r-live")
	require.NoError(t, err)
}

func TestASettingThatIsWrongIsNamed(t *testing.T) {
	config := settings(t, "sqlite://"+filepath.Join(t.TempDir(), "h.db"))
	config[EnvRetention] = "soon"
	require.ErrorContains(t, New().Start(t.Context(), config), EnvRetention)
	delete(config, stage.EnvHistory)
	require.ErrorContains(t, New().Start(t.Context(), config), EnvRetention)
}
