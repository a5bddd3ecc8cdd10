package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var (
	// ErrUnknownToken says that the cluster vouches for nobody with that token.
	ErrUnknownToken = errors.New("the cluster does not know the token")
	// ErrNotAllowed says that the cluster's rules do not let them.
	ErrNotAllowed = errors.New("not allowed")
)

// virtualGroup is the API group of the resources on which RBAC grants what
// people and senders may do to Kubernaut. The cluster serves none of them.
const virtualGroup = "kubernaut.ai"

// Person is somebody whom the cluster recognised.
type Person struct {
	Name   string
	UID    string
	Groups []string
	Extra  map[string][]string
}

// Access is what a person wants to do to a virtual resource.
type Access struct {
	Verb string
	// Resource is the plural, such as remediations.
	Resource string
	// Namespace in which it must be allowed; empty asks for all of the cluster.
	Namespace string
	// Name of one object, empty for all.
	Name string
}

// TokenReviews and AccessReviews are what a Reviewer asks.
type (
	TokenReviews interface {
		Create(ctx context.Context, r *authenticationv1.TokenReview, o metav1.CreateOptions) (*authenticationv1.TokenReview, error)
	}
	AccessReviews interface {
		Create(ctx context.Context, r *authorizationv1.SubjectAccessReview, o metav1.CreateOptions) (*authorizationv1.SubjectAccessReview, error)
	}
)

// Reviewer asks the cluster who a token belongs to and what they may do. Any
// error is a no: ErrUnknownToken and ErrNotAllowed are about the person, any
// other means that the question could not be answered.
type Reviewer struct {
	Tokens TokenReviews
	Access AccessReviews
	// Audience that tokens must be for; empty takes tokens for the API server.
	Audience string
}

// Reviewer asks this cluster.
func (c *Clients) Reviewer(audience string) Reviewer {
	return Reviewer{Tokens: c.Kube.AuthenticationV1().TokenReviews(), Access: c.Kube.AuthorizationV1().SubjectAccessReviews(), Audience: audience}
}

// WhoIs says who the token belongs to. Errors never repeat it.
func (v Reviewer) WhoIs(ctx context.Context, token string) (Person, error) {
	review := &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token}}
	if v.Audience != "" {
		review.Spec.Audiences = []string{v.Audience}
	}
	answer, err := v.Tokens.Create(ctx, review, metav1.CreateOptions{})
	if err != nil {
		// The API server's error may quote what was sent: the token.
		return Person{}, fmt.Errorf("review token: %s", strings.ReplaceAll(err.Error(), token, "<token>"))
	}
	s := answer.Status
	if !s.Authenticated || s.Error != "" || s.User.Username == "" {
		return Person{}, ErrUnknownToken
	}
	if v.Audience != "" && !slices.Contains(s.Audiences, v.Audience) {
		return Person{}, fmt.Errorf("%w: it is for another audience", ErrUnknownToken)
	}
	p := Person{Name: s.User.Username, UID: s.User.UID, Groups: s.User.Groups, Extra: make(map[string][]string, len(s.User.Extra))}
	for key, values := range s.User.Extra {
		p.Extra[key] = values
	}
	return p, nil
}

// May is nil if the person may do that.
func (v Reviewer) May(ctx context.Context, p Person, a Access) error {
	extra := make(map[string]authorizationv1.ExtraValue, len(p.Extra))
	for key, values := range p.Extra {
		extra[key] = values
	}
	answer, err := v.Access.Create(ctx, &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: p.Name, UID: p.UID, Groups: p.Groups, Extra: extra,
		ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: a.Namespace, Verb: a.Verb,
			Group: virtualGroup, Resource: a.Resource, Name: a.Name},
	}}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("review access: %w", err)
	}
	// An evaluation error beside "allowed" is still a yes to the API server,
	// but part of the rules was not read: here that is a no.
	if !answer.Status.Allowed || answer.Status.Denied || answer.Status.EvaluationError != "" {
		where := "in namespace " + a.Namespace
		if a.Namespace == "" {
			where = "in the whole cluster"
		}
		return fmt.Errorf("%w: %s lacks the verb %s on %s.%s %s", ErrNotAllowed, p.Name, a.Verb, a.Resource, virtualGroup, where)
	}
	return nil
}
