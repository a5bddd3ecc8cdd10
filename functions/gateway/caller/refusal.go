package caller

import (
	"errors"
	"net/http"

	"kubernaut.ai/shared/stage"
)

// Reasons for which a caller is refused.
const (
	// ReasonNoCredential: the request carries none of the kinds in use.
	ReasonNoCredential = "no_credential"
	// ReasonWrongCredential: there is one, and it is not accepted.
	ReasonWrongCredential = "wrong_credential"
	// ReasonMalformedCredential: what it says can be no credential.
	ReasonMalformedCredential = "malformed_credential"
	// ReasonUntrustedIngress: a certificate was forwarded by nobody known.
	ReasonUntrustedIngress = "untrusted_ingress"
	// ReasonUntrustedCertificate: expired, not verified, or of no known authority.
	ReasonUntrustedCertificate = "untrusted_certificate"
	// ReasonStaleSignature: the signed body is too old, from the future, or says no time.
	ReasonStaleSignature = "stale_signature"
	// ReasonReplayed: the signed body was taken before.
	ReasonReplayed = "signature_replayed"
	// ReasonNotAllowed: the caller is known, and may not post.
	ReasonNotAllowed = "caller_not_allowed"
	// ReasonUnanswered: who it is cannot be said now.
	ReasonUnanswered = "caller_unknown_for_now"
	// ReasonUnasked: whether open paths are open cannot be found out now.
	ReasonUnasked = "gateway_visibility_unknown"
	// ReasonUnderWay: the same signed body is being worked on.
	ReasonUnderWay = "signature_under_way"
)

// Refusal says why a request is not served. Its detail tells the caller what
// to do, its cause tells the operator more; neither repeats a credential.
type Refusal struct {
	Status int
	Reason string
	Detail string
	// Cause is for the log only; nil where the detail says it all.
	Cause error
	// Challenges are the WWW-Authenticate headers of a 401.
	Challenges []string
}

func (r *Refusal) Error() string {
	if r.Cause == nil {
		return r.Detail
	}
	return r.Detail + " (" + r.Cause.Error() + ")"
}

// Problem is the answer to the caller.
func (r *Refusal) Problem() stage.Problem {
	types := map[int]string{http.StatusUnauthorized: stage.ProblemUnauthorized, http.StatusForbidden: stage.ProblemForbidden}
	p := stage.Problem{Type: types[r.Status], Status: r.Status, Reason: r.Reason, Detail: r.Detail}
	if p.Type == "" {
		p.Type = stage.ProblemUnavailable
	}
	return p
}

// errAbsent says that a request carries no credential of a kind.
var errAbsent = errors.New("no such credential")

func unauthorized(reason, detail string) *Refusal {
	return &Refusal{Status: http.StatusUnauthorized, Reason: reason, Detail: detail}
}

func forbidden(reason, detail string) *Refusal {
	return &Refusal{Status: http.StatusForbidden, Reason: reason, Detail: detail}
}

// unanswered is for what may pass: the sender posts again.
func unanswered(cause error) *Refusal {
	return &Refusal{Status: http.StatusServiceUnavailable, Reason: ReasonUnanswered, Cause: cause,
		Detail: "Who posts this cannot be found out now; post it again."}
}

// unasked is for who posts to an open path while the cluster does not say
// whether it may be open.
func unasked(cause error) *Refusal {
	return &Refusal{Status: http.StatusServiceUnavailable, Reason: ReasonUnasked, Cause: cause,
		Detail: "Whether this path needs a credential cannot be found out now; post it again, or with a credential."}
}
