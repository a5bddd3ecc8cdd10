package scenario

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Variable names the environment variable that says which cluster the scenarios
// run on: "bed" is the one of package bed that is up, anything else the
// kubeconfig of a cluster with Kubernaut on it that the user has.
const Variable = "KUBERNAUT_E2E"

// shared is the cluster that all scenarios run on; nil without one.
var shared *world

// told ends when the scenarios are told to end, as by Ctrl-C.
var told = context.Background()

var errTold = errors.New("the scenarios were told to end")

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	where := os.Getenv(Variable)
	if where == "" {
		return m.Run()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	opened, err := openShared(ctx, where)
	if err != nil {
		fmt.Fprintln(os.Stderr, "scenario: open cluster:", err)
		return 1
	}
	defer opened.close(context.WithoutCancel(ctx))
	shared, told = opened, ctx
	return m.Run()
}

func openShared(ctx context.Context, where string) (w *world, err error) {
	ctx, cancel := context.WithTimeout(ctx, openPatience)
	defer cancel()
	if where == "bed" {
		w, err = openBed()
	} else {
		w, err = openOwn(ctx, where)
	}
	if err != nil {
		return nil, err
	}
	return w, w.open(ctx)
}

// onBed skips what only the machine that the cluster runs on can do.
func (w *world) onBed(t testing.TB, why string) {
	t.Helper()
	if w.bed == nil {
		t.Skip("the cluster runs elsewhere: " + why)
	}
}

// enter gives a scenario the cluster, or skips it.
func enter(t testing.TB) *world {
	t.Helper()
	if shared == nil {
		t.Skip("no cluster is given: make e2e brings one up and runs this")
	}
	require.NoError(t, told.Err(), errTold)
	return shared
}

// during is a context for what takes long: it ends with the test, and at once
// when the scenarios are told to end.
func during(t testing.TB) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(t.Context())
	unhook := context.AfterFunc(told, func() { cancel(errTold) })
	return ctx, func() { unhook(); cancel(nil) }
}

// enterBeside is enter for a scenario that stops nothing that others need: all
// such run side by side, when those that do have ended.
func enterBeside(t *testing.T) *world {
	t.Helper()
	w := enter(t)
	t.Parallel()
	require.NoError(t, told.Err(), errTold)
	return w
}
