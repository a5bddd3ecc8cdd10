package function

import (
	"net/http"

	"kubernaut.ai/shared/event"
)

// What became of an alert.
const (
	StatusCreated   = "created"
	StatusDuplicate = "duplicate"
	StatusIgnored   = "ignored"
	StatusResolved  = "resolved"
	StatusInvalid   = "invalid"
	StatusRetry     = "retry"
)

// Reasons that only the gateway knows. Those of shared/signal, of scope and of
// malformed alerts are named beside what they judge.
const (
	ReasonNotManaged   = "not_managed"
	ReasonTargetGone   = "target_gone"
	ReasonForbidden    = "target_not_readable"
	ReasonDuplicate    = "duplicate"
	ReasonCoolingDown  = "cooling_down"
	ReasonTakenOver    = "taken_over"
	ReasonNotJoined    = "joined_no_remediation"
	ReasonStillFiring  = "others_still_fire"
	ReasonCancelled    = "cancelled"
	ReasonAfterStart   = "after_execution_started"
	ReasonAfterEnd     = "after_remediation_ended"
	ReasonPublishing   = "first_event_not_published"
	ReasonCancelling   = "cancelled_not_settled"
	ReasonUnreadable   = "cluster_unavailable"
	ReasonNotPublished = "publish_failed"
	ReasonLedgerDown   = "redis_unavailable"
)

// Result is what became of one alert.
type Result struct {
	// Alert is the alert's name.
	Alert string `json:"alert"`
	// Status is one of the Status constants.
	Status string `json:"status"`
	// Reason is a named reason, where the status alone does not say it all.
	Reason        string `json:"reason,omitempty"`
	RemediationID string `json:"remediationId,omitempty"`
	// Target is namespace/Kind/name of the top owner.
	Target      string `json:"target,omitempty"`
	Fingerprint string `json:"fingerprint,omitempty"`

	// err is why a result is StatusRetry; it is logged, never sent.
	err error
}

// retry marks a result as failed for a reason that may pass.
func (r *Result) retry(reason string, err error) {
	r.Status, r.Reason, r.err = StatusRetry, reason, err
}

// ignore marks a result as dropped, for good.
func (r *Result) ignore(reason string) { r.Status, r.Reason = StatusIgnored, reason }

// about names what the result is about.
func (r *Result) about(t event.Target, fingerprint string) {
	r.Target, r.Fingerprint = t.String(), fingerprint
}

// Summary counts the results of one request.
type Summary struct {
	Received  int `json:"received"`
	Created   int `json:"created"`
	Duplicate int `json:"duplicate"`
	Ignored   int `json:"ignored"`
	Resolved  int `json:"resolved"`
	Invalid   int `json:"invalid"`
	Retry     int `json:"retry,omitempty"`
	// Truncated counts alerts that the sender left out of the request.
	Truncated int `json:"truncated,omitempty"`
}

// Answer is what became of one request.
type Answer struct {
	Summary Summary  `json:"summary"`
	Results []Result `json:"results"`
}

func summarise(results []Result, truncated int) Answer {
	s := Summary{Received: len(results), Truncated: truncated}
	for i := range results {
		switch results[i].Status {
		case StatusCreated:
			s.Created++
		case StatusDuplicate:
			s.Duplicate++
		case StatusIgnored:
			s.Ignored++
		case StatusResolved:
			s.Resolved++
		case StatusInvalid:
			s.Invalid++
		default:
			s.Retry++
		}
	}
	return Answer{Summary: s, Results: results}
}

// codes are the status codes of answers about one alert.
var codes = map[string]int{StatusCreated: http.StatusCreated, StatusDuplicate: http.StatusAccepted,
	StatusIgnored: http.StatusOK, StatusResolved: http.StatusOK}

// Code is the answer's status code. A sender repeats 503 and nothing else, so
// one alert that may yet succeed decides for all; a body of which nothing can
// be understood is the sender's mistake.
func (a Answer) Code() int {
	switch {
	case a.Summary.Retry > 0:
		return http.StatusServiceUnavailable
	case a.Summary.Invalid == a.Summary.Received:
		return http.StatusBadRequest
	case len(a.Results) == 1:
		return codes[a.Results[0].Status]
	}
	return http.StatusMultiStatus
}
