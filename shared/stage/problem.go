package stage

import (
	"encoding/json"
	"net/http"
)

// ProblemBase is the prefix of the problem types, as Kubernaut's users know
// them.
const ProblemBase = "https://kubernaut.ai/problems/"

// Problem types of RFC 7807 answers.
const (
	ProblemValidation       = "validation-error"
	ProblemUnauthorized     = "unauthorized"
	ProblemForbidden        = "forbidden"
	ProblemNotFound         = "not-found"
	ProblemMethodNotAllowed = "method-not-allowed"
	ProblemConflict         = "conflict"
	ProblemGone             = "gone"
	ProblemTooLarge         = "payload-too-large"
	ProblemMediaType        = "unsupported-media-type"
	ProblemInternal         = "internal-error"
	ProblemNotImplemented   = "not-configured"
	ProblemUnavailable      = "service-unavailable"
	ProblemTimeout          = "gateway-timeout"
)

var problemTitles = map[string]string{
	ProblemValidation:       "The request cannot be understood",
	ProblemUnauthorized:     "Who are you?",
	ProblemForbidden:        "You may not do this",
	ProblemNotFound:         "There is no such thing",
	ProblemMethodNotAllowed: "This method is not served here",
	ProblemConflict:         "Something else came first",
	ProblemGone:             "It is too late for this",
	ProblemTooLarge:         "The request is too large",
	ProblemMediaType:        "This content type is not served here",
	ProblemInternal:         "A defect was met",
	ProblemNotImplemented:   "This is not configured",
	ProblemUnavailable:      "Try again shortly",
	ProblemTimeout:          "It took too long",
}

// Problem is an RFC 7807 answer. Type is one of the Problem constants.
type Problem struct {
	Type   string
	Status int
	// Detail says what is wrong and what to do next; never a secret.
	Detail string
	// Reason is the named reason, where there is one.
	Reason string
}

// Write answers the request with the problem.
func (p Problem) Write(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(p.Status)
	// The status is out: an error here can only be a client that has gone.
	_ = json.NewEncoder(w).Encode(struct {
		Type     string `json:"type"`
		Title    string `json:"title"`
		Detail   string `json:"detail"`
		Status   int    `json:"status"`
		Instance string `json:"instance"`
		Reason   string `json:"reason,omitempty"`
	}{ProblemBase + p.Type, problemTitles[p.Type], p.Detail, p.Status, r.URL.Path, p.Reason})
}
