package bed

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestOptionsThatCannotWorkAreRefused(t *testing.T) {
	cases := map[string]struct {
		options Options
		want    string
	}{
		"a state folder that is not absolute":        {Options{State: "state"}, "must be an absolute path"},
		"the root as state folder":                   {Options{State: "/"}, "must be an absolute path"},
		"a state folder too long for sockets":        {Options{State: "/" + strings.Repeat("x", maxStatePath)}, "longer than"},
		"fewer fake nodes than none":                 {Options{State: "/x", FakeNodes: -1}, "from 0 to"},
		"more fake nodes than one machine can carry": {Options{State: "/x", FakeNodes: maxFakeNodes + 1}, "from 0 to"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := c.options.validate()
			require.ErrorContains(t, err, c.want)
			_, err = Up(t.Context(), c.options)
			require.ErrorContains(t, err, c.want, "Up refuses before it touches anything")
		})
	}
}

func TestTheStateFolderIsTheVariables(t *testing.T) {
	t.Setenv(StateVariable, "/somewhere/else")
	require.Equal(t, "/somewhere/else", DefaultState())
	t.Setenv(StateVariable, "")
	require.Equal(t, defaultState, DefaultState())
}

// shortState is a state folder whose name leaves room for sockets.
func shortState(t *testing.T) layout {
	t.Helper()
	dir, err := os.MkdirTemp("", "bed")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return layout(filepath.Join(dir, "s"))
}

func TestTakingDownNothingIsFine(t *testing.T) {
	l := shortState(t)
	require.NoError(t, Down(t.Context(), string(l)))
	require.NoDirExists(t, string(l))
}

func TestOpeningWhatIsNotUpSaysSo(t *testing.T) {
	l := shortState(t)
	_, err := Open(string(l))
	require.ErrorIs(t, err, ErrNotUp)

	require.NoError(t, l.make())
	boot, err := bootID()
	require.NoError(t, err)
	require.NoError(t, writeJSON(l.record(), record{Boot: boot, Ready: time.Now()}))
	_, err = Open(string(l))
	require.ErrorIs(t, err, ErrNotUp, "a record without an API server is what is left of a bed")
}

func TestAFolderThatIsNotTheBedsIsNotEmptied(t *testing.T) {
	l := shortState(t)
	require.NoError(t, l.make())
	precious := l.path("thesis.txt")
	require.NoError(t, os.WriteFile(precious, []byte("years"), 0o600))
	require.NoError(t, removeState(l, dropLogs))
	require.FileExists(t, precious)
	require.NoDirExists(t, l.pki())
}

func TestLogsOutliveAFailureAndNothingElseDoes(t *testing.T) {
	l := shortState(t)
	require.NoError(t, l.make())
	require.NoError(t, os.WriteFile(l.log("etcd"), []byte("why"), 0o600))
	require.NoError(t, removeState(l, keepLogs))
	require.FileExists(t, l.log("etcd"))
	entries, err := os.ReadDir(string(l))
	require.NoError(t, err)
	require.Len(t, entries, 1)
	require.NoError(t, removeState(l, dropLogs))
	require.NoDirExists(t, string(l))
}

func TestTwoProgramsDoNotBuildAtOnce(t *testing.T) {
	l := shortState(t)
	unlock, err := lock(l)
	require.NoError(t, err)
	_, err = lock(l)
	require.ErrorIs(t, err, ErrTaken)
	unlock()
	again, err := lock(l)
	require.NoError(t, err)
	again()
}

func TestMountsAreFoundBelowAFolderAndNotBesideIt(t *testing.T) {
	const table = `22 1 254:0 / / rw - ext4 /dev/vda rw
40 22 0:40 / /var/lib/bed/run/a\040b rw - overlay overlay rw
41 22 0:41 / /var/lib/bed rw - tmpfs tmpfs rw
42 22 0:42 / /var/lib/bedroom rw - tmpfs tmpfs rw
torn
`
	require.Equal(t, []string{"/var/lib/bed/run/a b", "/var/lib/bed"}, parseMounts(table, "/var/lib/bed"))
}

func TestFreePortsAreAllDifferent(t *testing.T) {
	p, err := freePorts()
	require.NoError(t, err)
	seen := map[int]bool{}
	for _, port := range []int{p.Etcd, p.EtcdPeer, p.ControllerManager, p.Scheduler, p.KubeletHealth, p.ProxyHealth, p.ProxyMetrics, p.Kwok, p.DNSHealth, p.DNSReady} {
		require.NotZero(t, port)
		require.False(t, seen[port])
		seen[port] = true
	}
}

func TestALogsEndIsQuotedAndItsNameToo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.log")
	require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("line\n", 5000)+"last words\n"), 0o600))
	quoted := tail(path)
	require.Contains(t, quoted, path)
	require.True(t, strings.HasSuffix(quoted, "last words"))
	require.LessOrEqual(t, strings.Count(quoted, "\n"), tailLines)
}

func TestAKilledServersMemoryIsFoundByItsLockAndNoOtherIs(t *testing.T) {
	const key = 0x6b756265
	id, err := unix.SysvShmGet(key, 4096, unix.IPC_CREAT|unix.IPC_EXCL|0o600)
	if err != nil {
		t.Skipf("no shared memory to be had here: %v", err)
	}
	exists := func() bool {
		_, err := unix.SysvShmCtl(id, unix.IPC_STAT, &unix.SysvShmDesc{})
		return err == nil
	}
	lock := func(key, id int) string {
		return fmt.Sprintf("4711\n/data\n1\n5432\n\n10.88.0.1\n%10d %9d\nready   \n", key, id)
	}
	require.NoError(t, removeMemory("4711\n/data\n"), "a server killed before it had memory")
	require.NoError(t, removeMemory(lock(key+1, id)), "an id that is another's by now")
	require.True(t, exists())

	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, lockFile), []byte(lock(key, id)), 0o600))
	require.NoError(t, forgetKilled(folder))
	require.False(t, exists())
	require.NoFileExists(t, filepath.Join(folder, lockFile))
	require.NoError(t, forgetKilled(folder), "nothing to forget")
}
