package policy_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/policy"
)

// volume is a directory that is written as a kubelet writes a ConfigMap: each
// version whole, in a directory that the link ..data is then swapped to.
type volume struct {
	dir string
	t   *testing.T
}

// stage writes a version that is not in force yet. A body that is nil makes a
// pipe: whoever reads it waits until the test has written it.
func (v volume) stage(version string, files map[string]*string) {
	require.NoError(v.t, os.Mkdir(filepath.Join(v.dir, version), 0o700))
	for name, body := range files {
		if body == nil {
			require.NoError(v.t, syscall.Mkfifo(filepath.Join(v.dir, version, name), 0o600))
			continue
		}
		write(v.t, filepath.Join(v.dir, version), name, *body)
	}
}

func (v volume) swap(version string) {
	require.NoError(v.t, os.Symlink(version, filepath.Join(v.dir, "..data_tmp")))
	require.NoError(v.t, os.Rename(filepath.Join(v.dir, "..data_tmp"), filepath.Join(v.dir, "..data")))
}

// link makes a file's own link, as a kubelet does after the swap.
func (v volume) link(names ...string) {
	for _, name := range names {
		require.NoError(v.t, os.Symlink(filepath.Join("..data", name), filepath.Join(v.dir, name)))
	}
}

// during calls swap while the version's pipe is being read, and then feeds it.
func (v volume) during(version, name, body string, swap func()) (done chan error) {
	done = make(chan error, 1)
	go func() {
		pipe, err := os.OpenFile(filepath.Join(v.dir, version, name), os.O_WRONLY, 0)
		if err == nil {
			swap()
			_, err = pipe.WriteString(body)
			_ = pipe.Close()
		}
		done <- err
	}()
	return done
}

// numbered is a policy that tells its own version and its data's.
func numbered(version string) *string {
	body := "package example.greet\n\nanswer := {\"text\": concat(\" \", [\"rules " + version + "\", data.greeting])}\n"
	return &body
}

func greeting(version string) *string {
	body := "greeting: data " + version + "\n"
	return &body
}

// mounted is a policy in its first version. The second is staged, and its data is a
// pipe.
func mounted(t *testing.T) (*clock, volume, *policy.Engine) {
	t.Helper()
	c, v := newClock(), volume{t.TempDir(), t}
	v.stage("..1", map[string]*string{"a.yaml": greeting("1"), "p.rego": numbered("1")})
	v.stage("..2", map[string]*string{"a.yaml": nil, "p.rego": numbered("2")})
	v.swap("..1")
	v.link("a.yaml", "p.rego")
	e, err := policy.Open(options(v.dir, c))
	require.NoError(t, err)
	return c, v, e
}

func TestASwapWhileThePolicyIsReadDoesNotMixTwoVersions(t *testing.T) {
	c, v, e := mounted(t)
	v.stage("..3", map[string]*string{"a.yaml": greeting("3"), "p.rego": numbered("3")})
	ctx, _ := observed(t)

	v.swap("..2")
	done := v.during("..2", "a.yaml", *greeting("2"), func() { v.swap("..3") })
	c.Advance(policy.CheckEvery)
	require.Equal(t, "rules 1 data 1", ask(t, ctx, e), "the last good one stays in force")
	require.NoError(t, <-done)
	require.ErrorContains(t, e.Status(ctx).Broken, "changed while it was read")

	c.Advance(policy.CheckEvery)
	require.Equal(t, "rules 3 data 3", ask(t, ctx, e))
	require.NoError(t, e.Status(ctx).Broken)
}

func TestASwapBackWhileThePolicyIsReadEndsTheFault(t *testing.T) {
	c, v, e := mounted(t)
	ctx, _ := observed(t)

	v.swap("..2")
	done := v.during("..2", "a.yaml", *greeting("2"), func() { v.swap("..1") })
	for range 2 {
		c.Advance(policy.CheckEvery)
		require.Equal(t, "rules 1 data 1", ask(t, ctx, e))
	}
	require.NoError(t, <-done)
	require.NoError(t, e.Status(ctx).Broken)
}

func TestASwapWhileThePolicyIsOpenedIsReadAgain(t *testing.T) {
	v := volume{t.TempDir(), t}
	v.stage("..1", map[string]*string{"a.yaml": nil, "p.rego": numbered("1")})
	v.stage("..2", map[string]*string{"a.yaml": greeting("2"), "p.rego": numbered("2")})
	v.swap("..1")
	v.link("a.yaml", "p.rego")
	done := v.during("..1", "a.yaml", *greeting("1"), func() { v.swap("..2") })
	e, err := policy.Open(options(v.dir, newClock()))
	require.NoError(t, err)
	require.NoError(t, <-done)
	require.Equal(t, "rules 2 data 2", ask(t, t.Context(), e))
}

// A kubelet links new files after the swap and takes old links away last.
func TestAVersionIsReadWholeBeforeItsFilesAreLinked(t *testing.T) {
	c, v := newClock(), volume{t.TempDir(), t}
	v.stage("..1", map[string]*string{"a.yaml": greeting("1")})
	v.stage("..2", map[string]*string{"b.yaml": greeting("2"), "p.rego": numbered("2")})
	v.swap("..1")
	v.link("a.yaml")
	e, err := policy.Open(options(v.dir, c))
	require.NoError(t, err)
	require.Equal(t, "data 1 Ann", ask(t, t.Context(), e))

	v.swap("..2")
	c.Advance(policy.CheckEvery)
	require.Equal(t, "rules 2 data 2", ask(t, t.Context(), e))
	require.NoError(t, e.Status(t.Context()).Broken)
}
