package function

import (
	"fmt"
	"slices"
	"strings"

	"kubernaut.ai/shared/action"
	"kubernaut.ai/shared/event"
)

// decay is what an action that did not help leaves of the confidence in the
// diagnosis behind it.
const decay = 0.9

// attempt is the record of the rung that was tried.
func attempt(d event.EffectivenessAssessedData) event.Attempt {
	return event.Attempt{
		Step: d.Proposal.Step, Action: d.Proposal.Action, Outcome: d.Execution.Outcome,
		Verdict: d.Assessment.Verdict, Reason: event.Cut(strings.Join(d.Assessment.Reasons, "; "), event.MaxText),
	}
}

// attempts adds the latest, unless an earlier run of this turn is in there
// already; the oldest go when there are too many.
func attempts(d event.EffectivenessAssessedData) []event.Attempt {
	latest := attempt(d)
	all := slices.Clone(d.Attempts)
	if len(all) == 0 || all[len(all)-1].Step != latest.Step {
		all = append(all, latest)
	}
	return all[max(0, len(all)-event.MaxAttempts):]
}

// climb is the proposal of the next rung that the catalogue allows; ok is
// false when the rungs are spent.
func climb(d event.EffectivenessAssessedData) (event.Proposal, bool) {
	if d.Proposal.Step >= event.MaxRungs {
		return event.Proposal{}, false
	}
	last := attempt(d)
	said := event.Evidence{Source: "assessment", Detail: fmt.Sprintf("step %d, %s, did not help: %s", last.Step, last.Action, orElse(last.Reason, "no reason given"))}
	p, err := propose(Finding{Analyst: d.Proposal.Analyst, Rungs: d.Proposal.Next, Confidence: d.Proposal.Confidence * decay,
		Evidence: append([]event.Evidence{said}, d.Proposal.Evidence...)}, d.Proposal.Step+1)
	return p, err == nil
}

// spent tells a person what was tried and where to look.
func spent(d event.EffectivenessAssessedData) string {
	var tried []string
	for _, a := range attempts(d) {
		line := fmt.Sprintf("%d. %s (%s)", a.Step, a.Action, orElse(a.Verdict, a.Outcome))
		if a.Reason != "" {
			line += ": " + event.Cut(a.Reason, event.MaxText/4)
		}
		tried = append(tried, line)
	}
	return event.Cut(fmt.Sprintf("%s fires for %s and none of %d actions helped. Tried: %s. %s", d.Signal.Name, d.Signal.Target,
		len(tried), strings.Join(tried, "; "), whereToLook(d)), 2*event.MaxText)
}

func whereToLook(d event.EffectivenessAssessedData) string {
	look := "Look at the target's events and its containers' logs"
	if d.Context.GitOps != nil {
		look += fmt.Sprintf(", and at %s %q, which owns its spec", d.Context.GitOps.Tool, d.Context.GitOps.Name)
	}
	if entry, ok := action.Lookup(d.Execution.Action); ok && entry.Reversible && d.Execution.Undo != nil && d.Execution.Undo.Possible {
		look += "; the last change is still in place and can be undone: " + d.Execution.Undo.Summary
	}
	return look + "."
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
