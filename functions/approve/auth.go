package function

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
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
	// Verb is approve, undo, get or pause.
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
	verbPause   = "pause"
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
	errForbidden       = errors.New("not allowed")
)

// loopback takes everybody on this machine for one named person. It is for
// one's own machine only, where whoever can reach the port can do as much.
type loopback struct{ name string }

// Authenticate accepts only what comes over the loopback interface, was
// addressed to it by name, and was not sent by another site's page in a
// browser: such a page can reach local ports too.
func (l loopback) Authenticate(_ context.Context, r *http.Request) (Person, error) {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !peer.Addr().Unmap().IsLoopback() {
		return Person{}, fmt.Errorf("%w: only the loopback interface is trusted", errUnauthenticated)
	}
	if !localHost(r.Host) {
		return Person{}, fmt.Errorf("%w: the request is addressed to another host", errUnauthenticated)
	}
	if forwarded(r.Header) {
		return Person{}, fmt.Errorf("%w: the request was forwarded from elsewhere", errUnauthenticated)
	}
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		return Person{}, fmt.Errorf("%w: %w", errUnauthenticated, err)
	}
	return Person{Name: l.name}, nil
}

func (loopback) Authorize(context.Context, Person, Access) error { return nil }

func localHost(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && addr.IsLoopback()
}

// forwarded tells that a proxy on this machine passes on a stranger's request.
func forwarded(h http.Header) bool {
	return h.Get("Forwarded") != "" || h.Get("X-Forwarded-For") != "" || h.Get("X-Real-Ip") != ""
}
