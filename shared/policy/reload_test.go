package policy_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
	"knative.dev/pkg/logging"

	"kubernaut.ai/shared/policy"
)

const (
	first  = "package example.greet\n\nanswer := {\"text\": \"first\"}\n"
	second = "package example.greet\n\nanswer := {\"text\": \"second\"}\n"
	broken = "package example.greet\n\nanswer := {\n"
)

// observed is a context whose log can be read.
func observed(t *testing.T) (context.Context, *observer.ObservedLogs) {
	core, logs := observer.New(zapcore.InfoLevel)
	return logging.WithLogger(t.Context(), zap.New(core).Sugar()), logs
}

func ask(t *testing.T, ctx context.Context, e *policy.Engine) string {
	t.Helper()
	var out answer
	_, err := e.Decide(ctx, map[string]any{"name": "Ann"}, &out)
	require.NoError(t, err)
	return out.Text
}

func TestAChangedPolicyComesIntoForceAtTheNextLook(t *testing.T) {
	c, dir := newClock(), t.TempDir()
	write(t, dir, "p.rego", first)
	e, err := policy.Open(options(dir, c))
	require.NoError(t, err)
	ctx, logs := observed(t)
	before := e.Status(ctx)

	write(t, dir, "p.rego", second)
	require.Equal(t, "first", ask(t, ctx, e), "not looked at before its time")
	c.Advance(policy.CheckEvery)
	require.Equal(t, "second", ask(t, ctx, e))

	after := e.Status(ctx)
	require.NotEqual(t, before.Digest, after.Digest)
	require.Equal(t, c.Now(), after.Since)
	c.Advance(policy.CheckEvery)
	require.Equal(t, "second", ask(t, ctx, e))
	require.Equal(t, 1, logs.FilterMessage("policy reloaded").Len(), "what has not changed is not compiled again")

	require.NoError(t, os.Remove(filepath.Join(dir, "p.rego")))
	c.Advance(policy.CheckEvery)
	require.Equal(t, "hello Ann", ask(t, ctx, e), "an emptied directory is the default again")
}

func TestABrokenPolicyKeepsTheLastGoodOne(t *testing.T) {
	c, dir := newClock(), t.TempDir()
	write(t, dir, "p.rego", first)
	e, err := policy.Open(options(dir, c))
	require.NoError(t, err)
	ctx, logs := observed(t)

	write(t, dir, "p.rego", broken)
	for range 3 {
		c.Advance(policy.CheckEvery)
		require.Equal(t, "first", ask(t, ctx, e))
	}
	require.ErrorIs(t, e.Status(ctx).Broken, policy.ErrInvalid)
	require.Equal(t, 1, logs.FilterLevelExact(zapcore.ErrorLevel).Len(), "logged once")

	write(t, dir, "p.rego", second)
	c.Advance(policy.CheckEvery)
	require.Equal(t, "second", ask(t, ctx, e))
	require.NoError(t, e.Status(ctx).Broken)
}

func TestADirectoryThatVanishesKeepsTheLastGoodOne(t *testing.T) {
	c, dir := newClock(), filepath.Join(t.TempDir(), "policy")
	require.NoError(t, os.Mkdir(dir, 0o700))
	write(t, dir, "p.rego", first)
	e, err := policy.Open(options(dir, c))
	require.NoError(t, err)
	ctx, logs := observed(t)

	away := dir + "-away"
	require.NoError(t, os.Rename(dir, away))
	for range 3 {
		c.Advance(policy.CheckEvery)
		require.Equal(t, "first", ask(t, ctx, e))
	}
	require.ErrorIs(t, e.Status(ctx).Broken, policy.ErrUnreadable)
	require.Equal(t, 1, logs.FilterLevelExact(zapcore.ErrorLevel).Len(), "logged once")

	require.NoError(t, os.Rename(away, dir))
	c.Advance(policy.CheckEvery)
	require.Equal(t, "first", ask(t, ctx, e))
	require.NoError(t, e.Status(ctx).Broken, "the same content is sound again")
}

// A kubelet writes a new directory and swaps the ..data link to it.
func TestAMountedConfigMapIsFollowedThroughItsLinks(t *testing.T) {
	c, dir := newClock(), t.TempDir()
	mount := func(version, body string) {
		require.NoError(t, os.Mkdir(filepath.Join(dir, version), 0o700))
		write(t, filepath.Join(dir, version), "p.rego", body)
		// Same size and time: only the link tells the versions apart.
		at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		require.NoError(t, os.Chtimes(filepath.Join(dir, version, "p.rego"), at, at))
		require.NoError(t, os.Symlink(version, filepath.Join(dir, "..data_tmp")))
		require.NoError(t, os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
	}
	mount("..2026_03_01", first)
	require.NoError(t, os.Symlink("..data/p.rego", filepath.Join(dir, "p.rego")))
	e, err := policy.Open(options(dir, c))
	require.NoError(t, err)
	require.Equal(t, "first", ask(t, t.Context(), e))

	mount("..2026_03_02", "package example.greet\n\nanswer := {\"text\": \"again\"}\n")
	c.Advance(policy.CheckEvery)
	require.Equal(t, "again", ask(t, t.Context(), e))
}

func TestDecisionsGoOnWhileThePolicyChanges(t *testing.T) {
	c, dir := newClock(), t.TempDir()
	write(t, dir, "p.rego", first)
	e, err := policy.Open(options(dir, c))
	require.NoError(t, err)
	ctx, _ := observed(t)

	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 200 {
				var out answer
				_, err := e.Decide(ctx, map[string]any{}, &out)
				if err != nil || (out.Text != "first" && out.Text != "second") {
					t.Errorf("got %q, %v", out.Text, err)
					return
				}
			}
		})
	}
	for i := range 20 {
		staged := filepath.Join(dir, ".staged")
		require.NoError(t, os.WriteFile(staged, []byte([]string{first, second}[i%2]), 0o600))
		require.NoError(t, os.Rename(staged, filepath.Join(dir, "p.rego")))
		c.Advance(policy.CheckEvery)
	}
	group.Wait()
}
