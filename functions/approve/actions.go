package function

import (
	"context"
	"net/http"
	"time"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
)

// answered is the answer to an approval, a refusal or an undo.
type answered struct {
	Remediation string `json:"remediation"`
	// Answer is granted, refused or undo_requested.
	Answer string `json:"answer"`
	Step   int    `json:"step"`
	Action string `json:"action"`
	Target string `json:"target"`
	By     string `json:"by"`
	// Event is the id of the event that carries the answer.
	Event string `json:"event"`
	// Repeated: this person had given this answer before.
	Repeated bool `json:"repeated,omitempty"`
	// Next says what happens now.
	Next string `json:"next"`
}

func (d door) approve(ctx context.Context, v visit) (int, any, error) { return d.answer(ctx, v, true) }
func (d door) refuse(ctx context.Context, v visit) (int, any, error)  { return d.answer(ctx, v, false) }

func (d door) answer(ctx context.Context, v visit, granted bool) (int, any, error) {
	h, err := d.desk.open(ctx, v.remediation)
	if err != nil {
		return 0, nil, err
	}
	if err := d.guard.Authorize(ctx, v.person, Access{Verb: verbApprove, Namespace: h.data.Decision.Target.Namespace, Remediation: v.remediation}); err != nil {
		return 0, nil, err
	}
	got, err := d.desk.answer(ctx, h, wish{granted: granted, by: v.person, comment: v.body.text(), proposal: v.body.Proposal})
	if err != nil {
		return 0, nil, err
	}
	out := answered{Remediation: v.remediation, Answer: "refused", Step: h.data.Decision.Step, Action: h.data.Decision.Action,
		Target: h.data.Decision.Target.String(), By: v.person.Name, Event: got.event.ID(), Repeated: got.repeated,
		Next: "Nothing will be done; the remediation ends as rejected."}
	if granted {
		out.Answer = "granted"
		out.Next = "The authorize stage verifies the approval, then the execute stage checks the live object once more and acts."
	}
	return http.StatusAccepted, out, nil
}

func (d door) undo(ctx context.Context, v visit) (int, any, error) {
	x, err := d.desk.executed(ctx, v.remediation, v.body.Step)
	if err != nil {
		return 0, nil, err
	}
	target := x.data.Execution.Target
	if err := d.guard.Authorize(ctx, v.person, Access{Verb: verbUndo, Namespace: target.Namespace, Remediation: v.remediation}); err != nil {
		return 0, nil, err
	}
	got, err := d.desk.undo(ctx, x, wish{by: v.person, comment: v.body.text()})
	if err != nil {
		return 0, nil, err
	}
	return http.StatusAccepted, answered{Remediation: v.remediation, Answer: "undo_requested", Step: x.data.Execution.Step,
		Action: x.data.Execution.Action, Target: target.String(), By: v.person.Name, Event: got.event.ID(),
		Next: x.data.Execution.Undo.Summary + " It is refused if somebody has changed the same fields since."}, nil
}

// heldView is what would be approved.
type heldView struct {
	Remediation    string               `json:"remediation"`
	Signal         string               `json:"signal"`
	Target         event.Target         `json:"target"`
	Classification event.Classification `json:"classification"`
	Proposal       event.Proposal       `json:"proposal"`
	// Digest names the proposal: send it back as "proposal" to approve exactly
	// what is shown here.
	Digest    string    `json:"digest"`
	Reason    string    `json:"reason"`
	Detail    string    `json:"detail,omitempty"`
	DryRun    bool      `json:"dryRun,omitempty"`
	ExpiresAt time.Time `json:"expiresAt"`
}

func (d door) held(ctx context.Context, v visit) (int, any, error) {
	h, err := d.desk.open(ctx, v.remediation)
	if err != nil {
		return 0, nil, err
	}
	if err := d.guard.Authorize(ctx, v.person, Access{Verb: verbGet, Namespace: h.data.Decision.Target.Namespace, Remediation: v.remediation}); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, heldView{Remediation: v.remediation, Signal: h.data.Signal.Name, Target: h.data.Decision.Target,
		Classification: h.data.Classification, Proposal: h.data.Proposal, Digest: h.digest, Reason: h.data.Decision.Reason,
		Detail: h.data.Decision.Detail, DryRun: h.data.Decision.DryRun, ExpiresAt: h.data.Decision.ExpiresAt}, nil
}

// pauseView says whether everything is paused.
type pauseView struct {
	Paused bool       `json:"paused"`
	By     string     `json:"by,omitempty"`
	Reason string     `json:"reason,omitempty"`
	Since  *time.Time `json:"since,omitempty"`
	// Next says what that means.
	Next string `json:"next"`
}

const (
	nextPaused  = "Every proposal is held for a person until somebody resumes; what is under way ends."
	nextResumed = "Proposals are decided by policy again. What was held meanwhile still waits for a person."
)

func (d door) pause(ctx context.Context, v visit) (int, any, error) {
	if err := d.guard.Authorize(ctx, v.person, Access{Verb: verbPause}); err != nil {
		return 0, nil, err
	}
	reason := event.Cut(v.body.text(), event.MaxText)
	if reason == "" {
		reason = "no reason given"
	}
	if err := d.pauses.Pause(ctx, ledger.Pause{By: event.Cut(v.person.Name, event.MaxText), Reason: reason}); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, pauseView{Paused: true, By: v.person.Name, Reason: reason, Next: nextPaused}, nil
}

func (d door) resume(ctx context.Context, v visit) (int, any, error) {
	if err := d.guard.Authorize(ctx, v.person, Access{Verb: verbPause}); err != nil {
		return 0, nil, err
	}
	if _, err := d.pauses.Resume(ctx); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, pauseView{Next: nextResumed}, nil
}

func (d door) paused(ctx context.Context, v visit) (int, any, error) {
	if err := d.guard.Authorize(ctx, v.person, Access{Verb: verbGet}); err != nil {
		return 0, nil, err
	}
	p, on, err := d.pauses.Paused(ctx)
	if err != nil {
		return 0, nil, err
	}
	if !on {
		return http.StatusOK, pauseView{Next: nextResumed}, nil
	}
	return http.StatusOK, pauseView{Paused: true, By: p.By, Reason: p.Reason, Since: &p.At, Next: nextPaused}, nil
}
