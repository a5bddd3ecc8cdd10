package scenario

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"
)

// Variable names the environment variable that says which cluster the scenarios
// run on; the only value is "bed", the one of package bed that is up.
const Variable = "KUBERNAUT_E2E"

// shared is the cluster that all scenarios run on; nil without one.
var shared *world

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if os.Getenv(Variable) == "" {
		return m.Run()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	opened, err := open(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "scenario: open cluster:", err)
		return 1
	}
	defer opened.close(context.WithoutCancel(ctx))
	shared = opened
	return m.Run()
}

// enter gives a scenario the cluster, or skips it.
func enter(t testing.TB) *world {
	t.Helper()
	if shared == nil {
		t.Skip("no cluster is given: make e2e brings one up and runs this")
	}
	return shared
}

// enterBeside is enter for a scenario that stops nothing that others need: all
// such run side by side, when those that do have ended.
func enterBeside(t *testing.T) *world {
	t.Helper()
	w := enter(t)
	t.Parallel()
	return w
}
