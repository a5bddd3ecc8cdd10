package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"k8s.io/client-go/dynamic"
)

// stopWithin is how long func may take to end when it is told to.
const stopWithin = 10 * time.Second

// deploy runs func deploy for each function, a few at a time, and prints what
// each said when it is done. One that fails does not stop the others, and leaves
// none of them half done.
func (o *options) deploy(ctx context.Context, stdout io.Writer) error {
	if err := o.tool(); err != nil {
		return err
	}
	if !o.finish {
		_, err := o.build(ctx, stdout)
		return err
	}
	client, err := o.connect()
	if err != nil {
		return err
	}
	return o.deployTo(ctx, client, stdout)
}

// deployTo deploys to a cluster which it may ask and change.
func (o *options) deployTo(ctx context.Context, client dynamic.Interface, stdout io.Writer) error {
	if err := o.preflight(ctx, client); err != nil {
		return err
	}
	deployed, err := o.build(ctx, stdout)
	if len(deployed) == 0 || ctx.Err() != nil {
		return err
	}
	return errors.Join(err, o.finishAll(ctx, finishing{client, deployed, stdout}))
}

// build runs func deploy for each function and returns those that it deployed.
func (o *options) build(ctx context.Context, stdout io.Writer) (deployed []string, err error) {
	p, err := o.readPatches()
	if err != nil {
		return nil, err
	}
	copies, err := os.MkdirTemp("", "kubernaut-deploy-")
	if err != nil {
		return nil, fmt.Errorf("make folder for copies: %w", err)
	}
	defer os.RemoveAll(copies)
	return o.each(stdout, func(stage string, out io.Writer) error {
		folder, err := o.copyOf(stage, copies, p)
		if err != nil {
			return err
		}
		args := append([]string{"deploy", "--path", folder, "--namespace", o.namespace, "--registry", o.registry}, o.extra...)
		return o.run(ctx, job{dir: folder, args: args, out: out})
	})
}

// remove deletes the functions' Knative Services.
func (o *options) remove(ctx context.Context, stdout io.Writer) error {
	if err := o.tool(); err != nil {
		return err
	}
	_, err := o.each(stdout, func(stage string, out io.Writer) error {
		return o.run(ctx, job{dir: os.TempDir(), args: append([]string{"delete", stage, "--namespace", o.namespace, "--all=false"}, o.extra...), out: out})
	})
	return err
}

// each does something with every function, at most parallel at a time, and
// returns those with which it could.
func (o *options) each(stdout io.Writer, do func(stage string, out io.Writer) error) (done []string, err error) {
	var (
		wait  sync.WaitGroup
		mutex sync.Mutex
		errs  []error
		slots = make(chan struct{}, o.parallel)
	)
	for _, stage := range o.functions {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			began := time.Now()
			var out bytes.Buffer
			err := do(stage, &out)
			mutex.Lock()
			defer mutex.Unlock()
			fmt.Fprintf(stdout, "%-12s %s\n%s", stage, time.Since(began).Round(100*time.Millisecond), indent(out.Bytes()))
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", stage, err))
				return
			}
			done = append(done, stage)
		})
	}
	wait.Wait()
	slices.Sort(done)
	return done, errors.Join(errs...)
}

// indent sets what a command said apart from the heading above it.
func indent(text []byte) []byte {
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return nil
	}
	return append([]byte("    "), append(bytes.ReplaceAll(text, []byte("\n"), []byte("\n    ")), '\n')...)
}

// job is one run of func.
type job struct {
	dir  string
	args []string
	out  io.Writer
}

// run runs func in a process group of its own, which ends with the context.
func (o *options) run(ctx context.Context, j job) error {
	cmd := exec.CommandContext(ctx, o.command[0], append(o.command[1:len(o.command):len(o.command)], j.args...)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = j.dir, j.out, j.out
	cmd.Env = append(os.Environ(), "FUNC_GO="+filepath.Join(o.root, "deploy", "func-go"), "KUBERNAUT_PLATFORM="+o.platform)
	if o.kubeconfig != "" {
		cmd.Env = append(cmd.Env, "KUBECONFIG="+o.kubeconfig)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = stopWithin
	return cmd.Run()
}
