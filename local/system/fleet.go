package system

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"

	fh "knative.dev/func-go/http"
)

// instance is what func-go knows of a function beside its handler.
type instance interface {
	Start(ctx context.Context, settings map[string]string) error
	Ready(ctx context.Context) (bool, error)
	Stop(ctx context.Context) error
}

// fleetMember makes one function and the server that func-go puts around it.
type fleetMember func() (instance, *http.Server)

func behindFuncGo[F interface {
	instance
	fh.Handler
}](newFunction func() F) fleetMember {
	return func() (instance, *http.Server) {
		f := newFunction()
		return f, &fh.New(f).Server
	}
}

// Stages names every function, sorted.
func Stages() []string { return slices.Sorted(maps.Keys(fleet)) }

// member is one function that serves.
type member struct {
	stage    string
	function instance
	server   *http.Server
	listener net.Listener
}

func (m *member) url() string { return "http://" + m.listener.Addr().String() + "/" }

// listen makes the function and its listener, so that its address is known
// before anything starts.
func listen(stage string) (*member, error) {
	function, server := fleet[stage]()
	listener, err := net.Listen("tcp", DefaultListen)
	if err != nil {
		return nil, fmt.Errorf("listen for %s: %w", stage, err)
	}
	return &member{stage: stage, function: function, server: server, listener: listener}, nil
}

// start serves first, as func-go does: until Start is done the function
// refuses, and the Broker tries again.
func (m *member) start(ctx context.Context, settings map[string]string, failed func(error)) error {
	go func() {
		if err := m.server.Serve(m.listener); !errors.Is(err, http.ErrServerClosed) {
			failed(fmt.Errorf("serve %s: %w", m.stage, err))
		}
	}()
	return m.function.Start(ctx, settings)
}

func (m *member) stop(ctx context.Context) error {
	err := m.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("stop %s: %w", m.stage, err), m.server.Close())
	}
	return errors.Join(err, m.function.Stop(ctx))
}
