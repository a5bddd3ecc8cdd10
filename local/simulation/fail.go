package simulation

import (
	"fmt"
	"net/http"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Cut, as a fault's code, closes the connection instead of answering.
const Cut = 0

// Match selects requests; an empty field matches anything.
type Match struct {
	Verb        string // get, list, watch, create, update, patch, delete, deletecollection
	Resource    string // plural, such as deployments
	Namespace   string
	Name        string
	Subresource string
	UserAgent   string             // prefix
	When        func(Request) bool // further condition
}

func (m Match) matches(r Request) bool {
	for _, pair := range [][2]string{{m.Verb, r.Verb}, {m.Resource, r.Resource.Resource}, {m.Namespace, r.Namespace}, {m.Name, r.Name}, {m.Subresource, r.Subresource}} {
		if pair[0] != "" && pair[0] != pair[1] {
			return false
		}
	}
	if len(m.UserAgent) > len(r.UserAgent) || r.UserAgent[:len(m.UserAgent)] != m.UserAgent {
		return false
	}
	return m.When == nil || m.When(r)
}

type fault struct {
	match Match
	left  int
	code  int
	after bool
}

type faults struct {
	mu   sync.Mutex
	list []*fault
}

// Fail makes the next n requests that match fail with an HTTP status code, or Cut; none of them has an effect. n < 0 is for ever.
func (c *Cluster) Fail(match Match, n, code int) {
	c.faults.add(&fault{match: match, left: n, code: code})
}

// FailAfter is Fail, but the requests take effect first and only their answers are lost.
func (c *Cluster) FailAfter(match Match, n, code int) {
	c.faults.add(&fault{match: match, left: n, code: code, after: true})
}

// Heal removes all injected failures.
func (c *Cluster) Heal() {
	c.faults.mu.Lock()
	defer c.faults.mu.Unlock()
	c.faults.list = nil
}

func (f *faults) add(one *fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, one)
}

// take returns the first fault that is due for a request and counts it down.
func (f *faults) take(r Request) *fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range f.list {
		if one.left == 0 || !one.match.matches(r) {
			continue
		}
		if one.left > 0 {
			one.left--
		}
		return one
	}
	return nil
}

func (f *fault) strike(w http.ResponseWriter) {
	if f.code == Cut {
		panic(http.ErrAbortHandler) // net/http closes the connection (or the stream) without an answer
	}
	writeError(w, statusError(int32(f.code), reasonOf(f.code), fmt.Sprintf("injected failure: %d", f.code)))
}

func reasonOf(code int) metav1.StatusReason {
	switch code {
	case http.StatusUnauthorized:
		return metav1.StatusReasonUnauthorized
	case http.StatusForbidden:
		return metav1.StatusReasonForbidden
	case http.StatusNotFound:
		return metav1.StatusReasonNotFound
	case http.StatusConflict:
		return metav1.StatusReasonConflict
	case http.StatusTooManyRequests:
		return metav1.StatusReasonTooManyRequests
	case http.StatusServiceUnavailable:
		return metav1.StatusReasonServiceUnavailable
	case http.StatusGatewayTimeout:
		return metav1.StatusReasonTimeout
	case http.StatusInternalServerError:
		return metav1.StatusReasonInternalError
	}
	return metav1.StatusReasonUnknown
}

// lostResponse takes an answer that nobody will see.
type lostResponse struct{ header http.Header }

func (l *lostResponse) Header() http.Header         { return l.header }
func (l *lostResponse) Write(p []byte) (int, error) { return len(p), nil }
func (l *lostResponse) WriteHeader(int)             {}
