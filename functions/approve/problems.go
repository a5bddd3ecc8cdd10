package function

import (
	"errors"
	"net/http"

	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/stage"
)

// badRequest is a request that cannot be understood.
type badRequest struct {
	problem string
	status  int
	detail  string
}

func (b *badRequest) Error() string { return b.detail }

// shapes are the answers to refusals, by their named reason.
var shapes = map[string]struct {
	problem string
	status  int
}{
	reasonNotHeld:         {stage.ProblemNotFound, http.StatusNotFound},
	reasonNotExecuted:     {stage.ProblemNotFound, http.StatusNotFound},
	reasonProposalChanged: {stage.ProblemConflict, http.StatusConflict},
	reasonAlreadyAnswered: {stage.ProblemConflict, http.StatusConflict},
	reasonUndoImpossible:  {stage.ProblemConflict, http.StatusConflict},
	reasonAlreadyUndone:   {stage.ProblemConflict, http.StatusConflict},
	reasonApprovalExpired: {stage.ProblemGone, http.StatusGone},
	reasonNoHistory:       {stage.ProblemNotImplemented, http.StatusNotImplemented},
	reasonUnknown:         {stage.ProblemNotFound, http.StatusNotFound},
	reasonNamespaceNeeded: {stage.ProblemValidation, http.StatusBadRequest},
	reasonHistoryBroken:   {stage.ProblemInternal, http.StatusInternalServerError},
	reasonHoldBroken:      {stage.ProblemInternal, http.StatusInternalServerError},
}

// refused answers with the problem that fits the error, and records it. What
// is not known may pass: 503, and nothing has happened that repeating harms.
func (d door) refused(w http.ResponseWriter, r *http.Request, err error) {
	p := problem(err)
	d.drop(r.Context(), p.Reason, err.Error())
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	if p.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "2")
	}
	p.Write(w, r)
}

func problem(err error) stage.Problem {
	var no *refusal
	var bad *badRequest
	switch {
	case errors.As(err, &no):
		s := shapes[no.reason]
		return stage.Problem{Type: s.problem, Status: s.status, Detail: no.detail, Reason: no.reason}
	case errors.As(err, &bad):
		return stage.Problem{Type: bad.problem, Status: bad.status, Detail: bad.detail, Reason: reasonBadRequest}
	case errors.Is(err, errUnauthenticated):
		return stage.Problem{Type: stage.ProblemUnauthorized, Status: http.StatusUnauthorized, Detail: err.Error(), Reason: reasonUnauthenticated}
	case errors.Is(err, errForbidden):
		return stage.Problem{Type: stage.ProblemForbidden, Status: http.StatusForbidden, Detail: err.Error(), Reason: reasonForbidden}
	case errors.Is(err, ledger.ErrInvalid):
		return stage.Problem{Type: stage.ProblemValidation, Status: http.StatusBadRequest, Detail: "This is not a remediation id.", Reason: reasonBadRequest}
	}
	return stage.Problem{Type: stage.ProblemUnavailable, Status: http.StatusServiceUnavailable, Reason: reasonUnavailable,
		Detail: "Something that is needed does not answer. Try again: an answer is taken only once."}
}
