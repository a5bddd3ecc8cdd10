package sqlite_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/history"
	"kubernaut.ai/shared/history/historytest"
	_ "kubernaut.ai/shared/history/sqlite"
)

// writeUntilKilled names the file to which this test's own binary appends
// when it is started as the process that will be killed.
const writeUntilKilled = "HISTORY_WRITE_UNTIL_KILLED"

func TestMain(m *testing.M) {
	if url := os.Getenv(writeUntilKilled); url != "" {
		appendForever(url)
	}
	os.Exit(m.Run())
}

func open(t testing.TB, url string) history.Store {
	t.Helper()
	s, err := history.Open(url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func newURL(t testing.TB) string { return "sqlite://" + filepath.Join(t.TempDir(), "history.db") }

func TestConformance(t *testing.T) {
	historytest.Run(t, func(t *testing.T) history.Store { return open(t, newURL(t)) })
}

func entry(n int) history.Entry {
	return history.Entry{ID: fmt.Sprint("event-", n), Type: event.SignalReceived, Remediation: fmt.Sprint("r-", n%7),
		Time: historytest.Start, Progress: true, Event: []byte(strings.Repeat("{}", 400))}
}

func TestURLs(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for name, url := range map[string]string{
		"absolute":                    "sqlite://" + dir + "/a.db",
		"relative":                    "sqlite:b.db",
		"in a folder that is not yet": "sqlite:new/folder/c.db",
		"with characters of URLs":     "sqlite:d%20 &=.db",
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, url)
			require.NoError(t, s.Append(context.Background(), entry(1)))
		})
	}
	for name, url := range map[string]string{
		"a host": "sqlite://host/a.db", "no file": "sqlite:", "parameters": "sqlite:a.db?mode=memory",
		"another scheme": "postgres://x/y", "no scheme": "history.db", "nothing": "",
	} {
		_, err := history.Open(url)
		require.ErrorIs(t, err, history.ErrInvalid, name)
	}
	_, err := os.Stat(filepath.Join(dir, "d%20 &=.db"))
	require.NoError(t, err, "the name is taken as it is written")
}

func TestAFileThatCannotBeOpenedFailsAtOnce(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "junk.db"), []byte(strings.Repeat("not a database ", 100)), 0o600))
	for name, url := range map[string]string{
		"a folder": "sqlite://" + dir, "not a database": "sqlite://" + dir + "/junk.db",
	} {
		_, err := history.Open(url)
		require.Error(t, err, name)
		require.ErrorContains(t, err, "open history", name)
	}
}

func TestOthersCannotReadTheFile(t *testing.T) {
	url := newURL(t)
	s := open(t, url)
	require.NoError(t, s.Append(context.Background(), entry(1)))
	files, err := filepath.Glob(strings.TrimPrefix(url, "sqlite://") + "*")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		info, err := os.Stat(f)
		require.NoError(t, err)
		require.Zero(t, info.Mode().Perm()&0o077, f)
	}
}

func TestManyMayOpenANewFileAtOnce(t *testing.T) {
	url := newURL(t)
	var wg sync.WaitGroup
	stores := make([]history.Store, 8)
	for i := range stores {
		wg.Go(func() {
			s, err := history.Open(url)
			if err != nil {
				t.Errorf("open: %v", err)
				return
			}
			stores[i] = s
			if err := s.Append(context.Background(), entry(i)); err != nil {
				t.Errorf("append: %v", err)
			}
		})
	}
	wg.Wait()
	list, err := stores[0].Remediations(context.Background(), history.Filter{})
	require.NoError(t, err)
	require.Len(t, list, 7)
	for _, s := range stores {
		require.NoError(t, s.Close())
	}
}

func TestAClosedStoreIsUnavailable(t *testing.T) {
	s, err := history.Open(newURL(t))
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.ErrorIs(t, s.Append(context.Background(), entry(1)), history.ErrUnavailable)
	require.ErrorIs(t, s.Ping(context.Background()), history.ErrUnavailable)
}

// appendForever appends and prints the number of each entry that Append
// accepted, from several goroutines, until the process is killed.
func appendForever(url string) {
	s, err := history.Open(url)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var out sync.Mutex
	for w := range 4 {
		go func() {
			for n := w; ; n += 4 {
				if err := s.Append(context.Background(), entry(n)); err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				out.Lock()
				fmt.Println(n)
				out.Unlock()
			}
		}()
	}
	select {}
}

func TestWhatWasAcceptedSurvivesAKill(t *testing.T) {
	url := newURL(t)
	for range 3 {
		accepted := killedWriter(t, url, 40)
		s, err := history.Open(url)
		require.NoError(t, err)
		kept := map[string]bool{}
		for r := range 7 {
			entries, err := s.Timeline(context.Background(), fmt.Sprint("r-", r))
			require.NoError(t, err)
			for _, e := range entries {
				kept[e.ID] = true
			}
			summary, err := s.Remediation(context.Background(), fmt.Sprint("r-", r))
			require.NoError(t, err)
			require.NotEmpty(t, summary.Last, "entries and summary go together")
		}
		for _, n := range accepted {
			require.Contains(t, kept, "event-"+n)
		}
		require.NoError(t, s.Close())
	}
}

// killedWriter runs a writer, kills it once it has accepted some entries, and
// returns what it said it had accepted.
func killedWriter(t *testing.T, url string, some int) []string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), writeUntilKilled+"="+url)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var accepted []string
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		accepted = append(accepted, lines.Text())
		if len(accepted) == some {
			require.NoError(t, cmd.Process.Kill())
		}
	}
	_ = cmd.Wait()
	require.GreaterOrEqual(t, len(accepted), some)
	return accepted
}

func BenchmarkAppend(b *testing.B) {
	s := open(b, newURL(b))
	body := []byte(strings.Repeat(`{"labels":{"namespace":"shop"}}`, 200))
	b.SetParallelism(16)
	var mu sync.Mutex
	n := 0
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			mu.Lock()
			n++
			e := entry(n)
			mu.Unlock()
			e.Remediation, e.Event = fmt.Sprint("r-", n/10), body
			if err := s.Append(context.Background(), e); err != nil {
				b.Error(err)
			}
		}
	})
}
