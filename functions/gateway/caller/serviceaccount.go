package caller

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"kubernaut.ai/shared/cluster"
)

// What a caller must be allowed by the cluster's rules.
const (
	accessVerb     = "create"
	accessResource = "signals"
)

const (
	// rememberFor is how long a yes of the API server is believed.
	rememberFor = time.Minute
	// rememberMost bounds how many are remembered.
	rememberMost = 1024
	// maxReviews bounds the questions that are asked at once: strangers' tokens
	// must not become the API server's load.
	maxReviews = 16
	// maxStrange bounds those of them about tokens that were never accepted, so
	// that invented ones do not keep senders from being recognised again.
	maxStrange = 4
)

// Reviewer asks the cluster who a token belongs to and what they may do.
type Reviewer interface {
	WhoIs(ctx context.Context, token string) (cluster.Person, error)
	May(ctx context.Context, p cluster.Person, a cluster.Access) error
}

var (
	errManyReviews = fmt.Errorf("%d tokens are being reviewed", maxReviews)
	errManyStrange = fmt.Errorf("%d tokens that were never accepted are being reviewed", maxStrange)
)

// accounts accepts tokens that the cluster knows, of those who may create
// signals in the gateway's namespace.
type accounts struct {
	reviewer  Reviewer
	namespace string
	now       func() time.Time
	// asking are the places of all questions; one about a token that was never
	// accepted takes one of strange beside it.
	asking, strange chan struct{}

	mu    sync.Mutex
	known map[[sha256.Size]byte]yes
}

// yes is an answer that is believed for a while, and then still tells that the
// token was accepted once.
type yes struct {
	name  string
	until time.Time
}

func newAccounts(o Options) *accounts {
	return &accounts{reviewer: o.Reviewer, namespace: o.Namespace, now: o.Now,
		asking: make(chan struct{}, maxReviews), strange: make(chan struct{}, maxStrange), known: map[[sha256.Size]byte]yes{}}
}

func (a *accounts) accept(ctx context.Context, token string) (string, error) {
	// What is no JSON Web Token is nobody's the API server knows: do not ask.
	if strings.Count(token, ".") != 2 {
		return "", errAbsent
	}
	key := sha256.Sum256([]byte(token))
	before, seen := a.remembered(key)
	if seen && a.now().Before(before.until) {
		return before.name, nil
	}
	if !seen {
		select {
		case a.strange <- struct{}{}:
			defer func() { <-a.strange }()
		default:
			return "", unanswered(errManyStrange)
		}
	}
	select {
	case a.asking <- struct{}{}:
		defer func() { <-a.asking }()
	default:
		return "", unanswered(errManyReviews)
	}
	name, err := a.review(ctx, token)
	a.learn(key, name, err)
	return name, err
}

// learn keeps what a review said: a no makes a token one that was never accepted.
func (a *accounts) learn(key [sha256.Size]byte, name string, err error) {
	var no *Refusal
	switch {
	case err == nil:
		a.remember(key, name)
	case errors.As(err, &no) && no.Status == http.StatusServiceUnavailable:
	default:
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.known, key)
	}
}

// review asks the cluster. What it cannot say is not a no.
func (a *accounts) review(ctx context.Context, token string) (string, error) {
	person, err := a.reviewer.WhoIs(ctx, token)
	switch {
	case errors.Is(err, cluster.ErrUnknownToken):
		return "", errAbsent
	case err != nil:
		return "", unanswered(err)
	}
	err = a.reviewer.May(ctx, person, cluster.Access{Verb: accessVerb, Resource: accessResource, Namespace: a.namespace})
	switch {
	case errors.Is(err, cluster.ErrNotAllowed):
		refusal := forbidden(ReasonNotAllowed, "Your account may not post signals: bind it to the ClusterRole kubernaut-sender in the gateway's namespace.")
		refusal.Cause = err
		return "", refusal
	case err != nil:
		return "", unanswered(err)
	}
	return KindServiceAccount + ":" + person.Name, nil
}

func (a *accounts) remembered(key [sha256.Size]byte) (yes, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	y, ok := a.known[key]
	return y, ok
}

// remember makes room by forgetting everything: it only costs questions.
func (a *accounts) remember(key [sha256.Size]byte, name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.known) >= rememberMost {
		clear(a.known)
	}
	a.known[key] = yes{name: name, until: a.now().Add(rememberFor)}
}
