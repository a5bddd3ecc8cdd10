package function

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/stage"
)

// Person is somebody who was recognised.
type Person struct {
	Name   string
	UID    string
	Groups []string
	Extra  map[string][]string
}

// Access is what a person wants to do to remediations.
type Access struct {
	// Verb is approve, undo, get, list, pause or redrive.
	Verb string
	// Namespace of the action's target; empty asks for all of the cluster.
	Namespace string
	// Remediation is the id, empty for all.
	Remediation string
}

// Verbs on remediations.kubernaut.ai.
const (
	verbApprove = "approve"
	verbUndo    = "undo"
	verbGet     = "get"
	verbList    = "list"
	verbPause   = "pause"
	verbRedrive = "redrive"
)

// Authenticator says who sends a request and what they may do. Any error is a
// no: errUnauthenticated and errForbidden are about the person, any other
// means that the question could not be answered.
type Authenticator interface {
	Authenticate(ctx context.Context, r *http.Request) (Person, error)
	Authorize(ctx context.Context, p Person, a Access) error
}

var (
	errUnauthenticated = errors.New("nobody vouches for this request")
	errForbidden       = cluster.ErrNotAllowed
)

// loopback takes everybody on this machine for one named person. It is for
// one's own machine only, where whoever can reach the port can do as much.
type loopback struct{ name string }

func (l loopback) Authenticate(_ context.Context, r *http.Request) (Person, error) {
	if err := stage.FromLoopback(r); err != nil {
		return Person{}, fmt.Errorf("%w: %w", errUnauthenticated, err)
	}
	return Person{Name: l.name}, nil
}

func (loopback) Authorize(context.Context, Person, Access) error { return nil }
