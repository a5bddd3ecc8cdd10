package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/kubernetes"

	"kubernaut.ai/local/broker"
	"kubernaut.ai/local/simulation"
	"kubernaut.ai/shared/history"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/ledger/ledgertest"
)

// root is the project's folder.
const root = "../.."

func absoluteRoot(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs(root)
	require.NoError(t, err)
	return path
}

// childDir is where build built, if it did.
var childDir string

// build builds the child once. It has no race detector, whatever the tests
// have: a few hundred lives would take too long with it, and the pipeline's
// tests run the same system under it. It is compiled as make run compiles that.
var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "kubernaut-crash-")
	if err != nil {
		return "", fmt.Errorf("make folder for the child: %w", err)
	}
	childDir = dir
	path := filepath.Join(dir, "child")
	plain := exec.Command("go", "build", "-trimpath", "-o", path, ".")
	plain.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := plain.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build child: %w: %s", err, out)
	}
	return path, nil
})

func built(t *testing.T) string {
	t.Helper()
	path, err := build()
	require.NoError(t, err)
	return path
}

// TestMain removes what build made.
func TestMain(m *testing.M) {
	code := m.Run()
	if childDir != "" {
		_ = os.RemoveAll(childDir)
	}
	os.Exit(code)
}

// world is everything that outlives a child, and the child that lives now.
type world struct {
	name    string
	binary  string
	dir     string
	orders  orders
	redis   string
	cluster *simulation.Cluster
	kube    kubernetes.Interface
	ledger  *ledger.Ledger
	history history.Store
	control *control
	front   *address
	client  *http.Client
	errors  *os.File

	mu      sync.Mutex
	child   *process
	closed  bool
	stories int
}

// clusterSpeed makes three turns of a crash loop take a quarter of a second.
const clusterSpeed = 300

// newWorld makes a world without a child; restart starts the first.
func newWorld(t *testing.T, name string, chaos *broker.Chaos) *world {
	t.Helper()
	w := &world{name: name, binary: built(t), dir: t.TempDir(), control: newControl(), front: newAddress(), client: &http.Client{Timeout: storyWithin}}
	w.redis = redisURL(t)
	var err error
	w.cluster, err = simulation.Start(context.WithoutCancel(t.Context()), simulation.Options{Speed: clusterSpeed})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.cluster.Close()) })
	w.kube, err = kubernetes.NewForConfig(w.cluster.RESTConfig())
	require.NoError(t, err)
	w.ledger, err = ledger.Open(w.redis)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.ledger.Close()) })
	path := filepath.Join(w.dir, "history.db")
	w.history, err = history.Open("sqlite://" + path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.history.Close()) })
	w.errors, err = os.OpenFile(filepath.Join(w.dir, "stderr"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.errors.Close() })

	w.orders = orders{Root: absoluteRoot(t), Dir: w.dir, StorePath: path, Chaos: chaos,
		Desk:       startDesk(t, w.control, w.front).URL,
		Redis:      startRedisProxy(t, w.redis, w.control, readScripts(t)).url(),
		Kubeconfig: startAPIProxy(t, w.cluster.RESTConfig(), w.control)}
	t.Cleanup(w.close)
	return w
}

// redisURL is a Redis of this world's own: a real one where there is one.
func redisURL(t *testing.T) string {
	if ledgertest.HaveRedisServer() {
		return ledgertest.RedisServer(t)
	}
	return ledgertest.Miniredis(t).URL()
}

// restart kills the child, if one lives, and starts the next at once.
func (w *world) restart() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return errors.New("the world is closed")
	}
	w.front.set("")
	if w.child != nil {
		if err := w.child.kill(); err != nil {
			return fmt.Errorf("kill child: %w", err)
		}
	}
	child, err := start(w.binary, w.orders, w.errors)
	if err != nil {
		return err
	}
	w.child = child
	ctx, cancel := context.WithTimeout(context.Background(), startWithin)
	defer cancel()
	go func() {
		select {
		case <-child.exited:
			cancel()
		case <-ctx.Done():
		}
	}()
	_, err = w.front.wait(ctx)
	return err
}

// empty makes Redis forget everything.
func (w *world) empty() error { return tell(w.redis, "FLUSHALL") }

// lives reports a child that died without being killed.
func (w *world) lives() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.child == nil || w.child.diedByItself() {
		return fmt.Errorf("the child died by itself: %s", tail(filepath.Join(w.dir, "stderr")))
	}
	return nil
}

func (w *world) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	if w.child != nil {
		_ = w.child.kill()
	}
}

// maxTail bounds what of a log is shown.
const maxTail = 6 << 10

func tail(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-maxTail):])
}

// until polls a condition, since nothing in another process tells of a change.
func until(ctx context.Context, condition func() (bool, error)) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		if ok, err := condition(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

const pollEvery = 60 * time.Millisecond
