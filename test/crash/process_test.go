package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync/atomic"
)

// process is one life of the child.
type process struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	killed atomic.Bool
	// exited is closed once the process is gone.
	exited chan struct{}
}

// start starts a child whose standard error goes to a file.
func start(binary string, o orders, output *os.File) (*process, error) {
	text, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("encode orders: %w", err)
	}
	p := &process{cmd: exec.Command(binary), exited: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), envChild+"="+string(text), "GOMAXPROCS=2")
	p.cmd.Stdout, p.cmd.Stderr = output, output
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start child: %w", err)
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start child: %w", err)
	}
	go func() {
		defer close(p.exited)
		_ = p.cmd.Wait() // killed, as a rule
	}()
	return p, nil
}

// kill ends it as a node's death would, and returns when it is gone.
func (p *process) kill() error {
	p.killed.Store(true)
	err := p.cmd.Process.Kill()
	<-p.exited
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// diedByItself tells that it is gone and nobody killed it.
func (p *process) diedByItself() bool {
	select {
	case <-p.exited:
		return !p.killed.Load()
	default:
		return false
	}
}
