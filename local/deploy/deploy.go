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
	"sync"
	"syscall"
	"time"

	"k8s.io/client-go/dynamic"
)

// stopWithin is how long func may take to end when it is told to.
const stopWithin = 10 * time.Second

// deploy runs func deploy for each function, a few at a time, and prints what
// each said when it is done. One that fails does not stop the others.
func (o *options) deploy(ctx context.Context, stdout io.Writer) error {
	p, err := o.readPatches()
	if err != nil {
		return err
	}
	if err := o.tool(); err != nil {
		return err
	}
	var client dynamic.Interface
	if o.finish {
		if client, err = connect(); err != nil {
			return err
		}
		if err := o.preflight(ctx, client); err != nil {
			return err
		}
	}
	copies, err := os.MkdirTemp("", "kubernaut-deploy-")
	if err != nil {
		return fmt.Errorf("make folder for copies: %w", err)
	}
	defer os.RemoveAll(copies)
	err = o.each(stdout, func(stage string, out io.Writer) error {
		folder, err := o.copyOf(stage, copies, p)
		if err != nil {
			return err
		}
		args := append([]string{"deploy", "--path", folder, "--namespace", o.namespace, "--registry", o.registry}, o.extra...)
		return o.run(ctx, job{dir: folder, args: args, out: out})
	})
	if err != nil || !o.finish {
		return err
	}
	return o.finishAll(ctx, client, stdout)
}

// remove deletes the functions' Knative Services.
func (o *options) remove(ctx context.Context, stdout io.Writer) error {
	if err := o.tool(); err != nil {
		return err
	}
	return o.each(stdout, func(stage string, out io.Writer) error {
		return o.run(ctx, job{dir: os.TempDir(), args: append([]string{"delete", stage, "--namespace", o.namespace, "--all=false"}, o.extra...), out: out})
	})
}

// each does something with every function, at most parallel at a time.
func (o *options) each(stdout io.Writer, do func(stage string, out io.Writer) error) error {
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
			}
		})
	}
	wait.Wait()
	return errors.Join(errs...)
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
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = stopWithin
	return cmd.Run()
}
