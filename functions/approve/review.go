package function

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"kubernaut.ai/shared/cluster"
)

// resourceName is the virtual resource on which RBAC grants this stage's verbs.
const resourceName = "remediations"

// maxToken bounds a bearer token, in bytes.
const maxToken = 16 << 10

// reviewer asks the cluster who a token belongs to and what they may do.
type reviewer struct{ cluster.Reviewer }

func (v reviewer) Authenticate(ctx context.Context, r *http.Request) (Person, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "Bearer") || token == "" || len(token) > maxToken {
		return Person{}, fmt.Errorf("%w: send \"Authorization: Bearer <token>\"", errUnauthenticated)
	}
	p, err := v.WhoIs(ctx, token)
	if errors.Is(err, cluster.ErrUnknownToken) {
		return Person{}, fmt.Errorf("%w: %w", errUnauthenticated, err)
	}
	return Person(p), err
}

func (v reviewer) Authorize(ctx context.Context, p Person, a Access) error {
	return v.May(ctx, cluster.Person(p), cluster.Access{Verb: a.Verb, Resource: resourceName, Namespace: a.Namespace, Name: a.Remediation})
}
