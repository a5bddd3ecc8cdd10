package function

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The virtual resource on which RBAC grants the verbs of this stage.
const (
	resourceGroup = "kubernaut.ai"
	resourceName  = "remediations"
)

// maxToken bounds a bearer token, in bytes.
const maxToken = 16 << 10

type tokenReviews interface {
	Create(ctx context.Context, r *authenticationv1.TokenReview, o metav1.CreateOptions) (*authenticationv1.TokenReview, error)
}

type accessReviews interface {
	Create(ctx context.Context, r *authorizationv1.SubjectAccessReview, o metav1.CreateOptions) (*authorizationv1.SubjectAccessReview, error)
}

// reviewer asks the cluster who a token belongs to and what they may do.
type reviewer struct {
	tokens   tokenReviews
	access   accessReviews
	audience string
}

func (v reviewer) Authenticate(ctx context.Context, r *http.Request) (Person, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "Bearer") || token == "" || len(token) > maxToken {
		return Person{}, fmt.Errorf("%w: send \"Authorization: Bearer <token>\"", errUnauthenticated)
	}
	review := &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token}}
	if v.audience != "" {
		review.Spec.Audiences = []string{v.audience}
	}
	answer, err := v.tokens.Create(ctx, review, metav1.CreateOptions{})
	if err != nil {
		// The API server's error may quote what was sent: the token.
		return Person{}, fmt.Errorf("review token: %s", strings.ReplaceAll(err.Error(), token, "<token>"))
	}
	s := answer.Status
	if !s.Authenticated || s.Error != "" || s.User.Username == "" {
		return Person{}, fmt.Errorf("%w: the cluster does not know the token", errUnauthenticated)
	}
	if v.audience != "" && !slices.Contains(s.Audiences, v.audience) {
		return Person{}, fmt.Errorf("%w: the token is for another audience", errUnauthenticated)
	}
	return person(s.User), nil
}

func person(u authenticationv1.UserInfo) Person {
	p := Person{Name: u.Username, UID: u.UID, Groups: u.Groups, Extra: make(map[string][]string, len(u.Extra))}
	for key, values := range u.Extra {
		p.Extra[key] = values
	}
	return p
}

func (v reviewer) Authorize(ctx context.Context, p Person, a Access) error {
	extra := make(map[string]authorizationv1.ExtraValue, len(p.Extra))
	for key, values := range p.Extra {
		extra[key] = values
	}
	answer, err := v.access.Create(ctx, &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: p.Name, UID: p.UID, Groups: p.Groups, Extra: extra,
		ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: a.Namespace, Verb: a.Verb,
			Group: resourceGroup, Resource: resourceName, Name: a.Remediation},
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
		return fmt.Errorf("%w: %s lacks the verb %s on %s.%s %s", errForbidden, p.Name, a.Verb, resourceName, resourceGroup, where)
	}
	return nil
}
