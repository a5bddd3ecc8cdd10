package caller

import (
	"context"
	"net/http"
	"strings"
)

// maxCredential bounds a credential in a header, in bytes.
const maxCredential = 16 << 10

// bearer accepts tokens of the Authorization header's scheme Bearer.
type bearer interface {
	// accept names whose token it is, or is errAbsent for one that it does not know.
	accept(ctx context.Context, token string) (string, error)
}

// authorization judges the Authorization header, which several kinds share: what
// one of them does not know, another may.
type authorization struct {
	bearers []bearer
	// users is nil where passwords are not in use.
	users *users
}

func (a *authorization) judge(r *http.Request) (string, error) {
	scheme, credential, err := single(r.Header, "Authorization")
	if err != nil {
		return "", err
	}
	switch {
	case strings.EqualFold(scheme, "Bearer") && len(a.bearers) > 0 && credential != "":
		return a.token(r.Context(), credential)
	case strings.EqualFold(scheme, "Basic") && a.users != nil:
		return a.users.accept(credential)
	}
	return "", unauthorized(ReasonMalformedCredential, "The Authorization header has no scheme that is in use here, or nothing after it.")
}

// token asks every kind that knows tokens. Where none accepts it and one could
// not say, the answer is not no.
func (a *authorization) token(ctx context.Context, token string) (string, error) {
	var unsure error
	for _, b := range a.bearers {
		name, err := b.accept(ctx, token)
		if err == nil {
			return name, nil
		}
		if err != errAbsent && unsure == nil {
			unsure = err
		}
	}
	if unsure != nil {
		return "", unsure
	}
	return "", unauthorized(ReasonWrongCredential, "The token is not accepted: take the one that the gateway's Secret holds now.")
}

// single splits the one header of the name into its first word and the rest.
// Two of them would let parsers choose.
func single(h http.Header, name string) (first, rest string, err error) {
	values := h.Values(name)
	switch {
	case len(values) == 0:
		return "", "", errAbsent
	case len(values) > 1:
		return "", "", unauthorized(ReasonMalformedCredential, "The header "+name+" is there more than once.")
	case len(values[0]) > maxCredential:
		return "", "", unauthorized(ReasonMalformedCredential, "The header "+name+" is too long.")
	}
	first, rest, _ = strings.Cut(values[0], " ")
	return first, strings.TrimSpace(rest), nil
}
