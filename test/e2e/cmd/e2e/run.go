package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"kubernaut.ai/test/e2e/bed"
	"kubernaut.ai/test/e2e/product"
	"kubernaut.ai/test/e2e/toolchain"
)

// target names, for package scenario, the variable that says which cluster it is.
const target = "KUBERNAUT_E2E"

// sideBySide is how many scenarios may run at once: most of their time is
// windows and pings, and more would wait for two cores.
const sideBySide = 3

// stopPatience is how long the tests may take to clean up when they are ended.
const stopPatience = time.Minute

type options struct {
	keep, installOnly, asItIs, bench bool
	pattern, own                     string
	fakeNodes                        int
	timeout                          time.Duration
	stdout, stderr                   io.Writer
}

// run does all of it; the cluster goes at the end if it came at the beginning.
func (o options) run(ctx context.Context) (err error) {
	began := time.Now()
	if o.own != "" {
		err = o.onOwn(ctx)
	} else {
		err = o.onBed(ctx)
	}
	if err == nil {
		fmt.Fprintf(o.stderr, "e2e: all of it in %s\n", time.Since(began).Round(time.Second))
	}
	return err
}

// onOwn uses a cluster that the user has, and leaves it up.
func (o options) onOwn(ctx context.Context) error {
	kubeconfig, err := filepath.Abs(o.own)
	if err != nil {
		return err
	}
	site, err := product.OnOwn(kubeconfig)
	if err != nil {
		return err
	}
	if err := o.install(ctx, site); err != nil || o.installOnly {
		return err
	}
	return o.scenarios(ctx, kubeconfig)
}

func (o options) onBed(ctx context.Context) (err error) {
	b, own, err := o.cluster(ctx)
	if err != nil {
		return err
	}
	if own && !o.keep && !o.installOnly {
		defer func() { err = errors.Join(err, b.Down(context.WithoutCancel(ctx))) }()
	}
	err = o.install(ctx, product.OnBed(b))
	if err == nil && !o.installOnly {
		err = o.scenarios(ctx, "bed")
	}
	if err != nil {
		folder, kept := keepLogs(context.WithoutCancel(ctx), b)
		return errors.Join(fmt.Errorf("%w (logs: %s)", err, folder), kept)
	}
	return nil
}

// cluster is the bed that is up, or a new one, which is own.
func (o options) cluster(ctx context.Context) (b *bed.Bed, own bool, err error) {
	b, err = bed.Up(ctx, bed.Options{FakeNodes: o.fakeNodes, Log: o.stderr})
	if errors.Is(err, bed.ErrUp) {
		b, err = bed.Open("")
		return b, false, err
	}
	return b, err == nil, err
}

func (o options) install(ctx context.Context, site product.Options) error {
	if o.asItIs {
		return nil
	}
	paths, err := toolchain.Ensure(ctx, toolchain.Options{Log: o.stderr}, "func", "kubectl")
	if err != nil {
		return err
	}
	site.Func, site.Kubectl, site.Log = paths["func"], paths["kubectl"], o.stderr
	return product.Install(ctx, site)
}

// scenarios runs the tests of package scenario, in a group of their own: Ctrl-C
// reaches them through this command, once.
func (o options) scenarios(ctx context.Context, where string) error {
	cmd := exec.CommandContext(ctx, "go", o.goTest()...)
	cmd.Dir = filepath.Join(product.Root(), "test", "e2e")
	cmd.Env = append(os.Environ(), "GOWORK=off", target+"="+where)
	cmd.Stdout, cmd.Stderr = o.stdout, o.stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	cmd.WaitDelay = stopPatience
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("run scenarios: %w", err)
	}
	return nil
}

// goTest are the arguments of go for the scenarios, or for the benchmarks:
// those are not slowed by the race detector.
func (o options) goTest() []string {
	arguments := []string{"test", "-count=1", "-v", "-timeout", o.timeout.String(), "./scenario"}
	pattern := o.pattern
	if o.bench {
		if pattern == "" {
			pattern = "."
		}
		return append(arguments, "-run", "^$", "-bench", pattern, "-benchtime", "1x")
	}
	arguments = append(arguments, "-race", "-parallel", strconv.Itoa(sideBySide))
	if pattern != "" {
		arguments = append(arguments, "-run", pattern)
	}
	return arguments
}
