package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"kubernaut.ai/test/e2e/product"
)

// target names, for package scenario, the variable that says which cluster it is.
const target = "KUBERNAUT_E2E"

// sideBySide is how many scenarios may run at once: most of their time is
// windows and pings, and more would wait for two cores.
const sideBySide = 3

// stopPatience is how long the tests may take to clean up when they are ended.
const stopPatience = 30 * time.Second

// ownPackages are what the scenarios stand on, with tests that need no cluster.
var ownPackages = []string{"./bed/...", "./cmd/...", "./image/...", "./platform/...", "./product/...", "./toolchain/..."}

// ownTests tests what the scenarios stand on. Vet is lint's: here it would look
// through a thousand packages of others first.
func (o options) ownTests(ctx context.Context) error {
	if err := o.goCommand(ctx, append([]string{"test", "-race", "-vet=off"}, ownPackages...)...).Run(); err != nil {
		return fmt.Errorf("run tests that need no cluster: %w", errors.Join(err, context.Cause(ctx)))
	}
	return nil
}

// goCommand runs go in the module of the scenarios.
func (o options) goCommand(ctx context.Context, arguments ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", arguments...)
	cmd.Dir = filepath.Join(product.Root(), "test", "e2e")
	cmd.Env = append(os.Environ(), "GOWORK=off")
	cmd.Stdout, cmd.Stderr = o.stdout, o.stderr
	inGroup(cmd, syscall.SIGTERM)
	return cmd
}

// inGroup puts a command in a group of its own, all of which gets the signal when
// the command's context ends: a terminal's Ctrl-C reaches it once.
func inGroup(cmd *exec.Cmd, end syscall.Signal) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, end) }
	cmd.WaitDelay = stopPatience
}

// program is the scenarios' test program, which is built while the cluster comes up.
type program struct {
	folder string
	stop   context.CancelFunc
	built  chan struct{}
	failed error // once built
}

// build begins to build the scenarios. The race detector would slow what is measured.
func (o options) build(ctx context.Context) (*program, error) {
	folder, err := os.MkdirTemp("", "kubernaut-scenarios-")
	if err != nil {
		return nil, fmt.Errorf("make folder for scenarios: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	p := &program{folder: folder, stop: stop, built: make(chan struct{})}
	arguments := []string{"test", "-c", "-o", p.path(), "./scenario"}
	if !o.bench {
		arguments = append(arguments, "-race")
	}
	go func() {
		defer close(p.built)
		p.failed = o.goCommand(ctx, arguments...).Run()
	}()
	return p, nil
}

func (p *program) path() string { return filepath.Join(p.folder, "scenario.test") }

// remove ends the building of it, if it is still under way, and removes it.
func (p *program) remove() error {
	p.stop()
	<-p.built
	return os.RemoveAll(p.folder)
}

// scenarios runs the program on a cluster, and, where that is asked for, those that
// failed once more: all others have ended, and the machine has nothing else to do.
func (o options) scenarios(ctx context.Context, p *program, environment ...string) error {
	if <-p.built; p.failed != nil {
		return fmt.Errorf("build scenarios: %w", errors.Join(p.failed, context.Cause(ctx)))
	}
	first := &failed{to: o.stdout}
	again := o
	o.stdout = first
	err := o.runScenarios(ctx, p, environment)
	if err == nil || !o.again || len(first.names) == 0 || ctx.Err() != nil {
		return err
	}
	fmt.Fprintf(o.stderr, "e2e: %d failed and are run once more: %s\n", len(first.names), strings.Join(first.names, ", "))
	again.pattern = first.pattern()
	return again.runScenarios(ctx, p, environment)
}

// runScenarios runs the program. It ends with this process, however that ends:
// scenarios of which nobody hears would change the cluster under the next ones.
func (o options) runScenarios(ctx context.Context, p *program, environment []string) error {
	cmd := exec.CommandContext(ctx, p.path(), o.flags()...)
	cmd.Dir = filepath.Join(product.Root(), "test", "e2e", "scenario")
	cmd.Env = append(append(os.Environ(), "GOWORK=off"), environment...)
	cmd.Stdout, cmd.Stderr = o.stdout, o.stderr
	inGroup(cmd, syscall.SIGINT)
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	// The signal comes when the thread ends that started the process.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("run scenarios: %w", errors.Join(err, context.Cause(ctx)))
	}
	return nil
}

// flags are the test program's for the scenarios, or for the benchmarks.
func (o options) flags() []string {
	flags := []string{"-test.count=1", "-test.v", "-test.timeout=" + o.timeout.String()}
	pattern := o.pattern
	if o.bench {
		if pattern == "" {
			pattern = "."
		}
		return append(flags, "-test.run=^$", "-test.bench="+pattern, "-test.benchtime=1x")
	}
	return append(flags, "-test.parallel="+strconv.Itoa(sideBySide), "-test.run="+pattern)
}
