package bed

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
)

// maxFakeNodes bounds what one kwok and two cores carry without slowing the
// real node's kubelet.
const maxFakeNodes = 200

// Options say what Up brings up. The zero value is the whole bed without fake
// nodes.
type Options struct {
	// State is the folder for everything the bed writes; DefaultState if empty.
	State string
	// FakeNodes is how many kwok nodes stand beside the real one; with 0, kwok
	// does not run.
	FakeNodes int
	// WithoutKnative leaves out Traefik, Serving and Eventing.
	WithoutKnative bool
	// Log takes progress, a line a step; nil is silence.
	Log io.Writer
}

func (o Options) validate() (Options, error) {
	if o.State == "" {
		o.State = DefaultState()
	}
	if !filepath.IsAbs(o.State) || filepath.Clean(o.State) == "/" {
		return o, fmt.Errorf("read options: the state folder %q must be an absolute path below /", o.State)
	}
	o.State = filepath.Clean(o.State)
	if len(o.State) > maxStatePath {
		return o, fmt.Errorf("read options: the state folder %q is longer than %d bytes: the sockets in it would be longer than the kernel takes; set %s to a shorter one", o.State, maxStatePath, StateVariable)
	}
	if o.FakeNodes < 0 || o.FakeNodes > maxFakeNodes {
		return o, fmt.Errorf("read options: %d fake nodes: from 0 to %d", o.FakeNodes, maxFakeNodes)
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	return o, nil
}

// maxStatePath leaves room for the longest socket below the state folder; a
// socket's path has 107 bytes.
const maxStatePath = 60

// Named refusals of Up, Open and Down.
var (
	// ErrUp: a bed is up already in that state folder.
	ErrUp = errors.New("the bed is up already")
	// ErrNotUp: there is no bed in that state folder.
	ErrNotUp = errors.New("no bed is up")
	// ErrNotRoot: bridges, mounts and cgroups are root's to make.
	ErrNotRoot = errors.New("the bed needs root")
	// ErrMissing: binaries of the distribution are not installed.
	ErrMissing = errors.New("programs are missing")
	// ErrTaken: something on this machine, not of this bed, is where the bed would be.
	ErrTaken = errors.New("the machine is taken")
	// ErrUnguarded: the guard is not as it must be; nothing was started.
	ErrUnguarded = errors.New("the guard does not stand")
)
