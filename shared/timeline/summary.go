package timeline

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/history"
)

// summary is one event as one line for people.
func summary(e history.Entry, d everything) string {
	if undoRefused(e, d) {
		return "the undo was refused: " + join(d.End.Reason, d.End.Detail)
	}
	if tell, ok := tellers[e.Type]; ok {
		return tell(d)
	}
	return event.ShortType(e.Type)
}

var tellers = map[string]func(everything) string{
	event.SignalReceived: func(d everything) string {
		return fmt.Sprintf("%s on %s", d.Signal.Name, d.Signal.Target)
	},
	event.SignalResolved: func(d everything) string {
		if d.Resolution.Cancelled {
			return "the alert stopped before anything was done"
		}
		if d.Resolution.Expired {
			return "the alert was not posted any more, and nobody said that it stopped"
		}
		if d.Resolution.StillFiring > 0 {
			return fmt.Sprintf("one alert stopped, %d still fire", d.Resolution.StillFiring)
		}
		return "the alert stopped"
	},
	event.SignalJoined: func(d everything) string {
		if d.Joining.Before != "" {
			return fmt.Sprintf("%s joined, %s now and %s before", d.Signal.Name, d.Signal.Severity, d.Joining.Before)
		}
		return fmt.Sprintf("%s joined, %s", d.Signal.Name, d.Signal.Severity)
	},
	event.SignalSuppressed: func(d everything) string {
		return join(d.Suppression.Reason, d.Suppression.Detail)
	},
	event.SignalEnriched:   func(d everything) string { return observed(d.Context) },
	event.SignalClassified: func(d everything) string { return classified(d.Classification) },
	event.AnalysisContinued: func(d everything) string {
		return fmt.Sprintf("the investigation goes on (turn %d)", d.Analysis.Turn)
	},
	event.RemediationProposed: func(d everything) string {
		return fmt.Sprintf("%s, confidence %.2f: %s", called(d.Proposal.Action, d.Proposal.Parameters), d.Proposal.Confidence, d.Proposal.Rationale)
	},
	event.RemediationApproved: decided,
	event.RemediationHeld:     decided,
	event.RemediationRejected: decided,
	event.ApprovalGranted:     answered,
	event.ApprovalRefused:     answered,
	event.UndoRequested: func(d everything) string {
		return fmt.Sprintf("%s asks to undo step %d: %s", d.UndoRequest.By, d.UndoRequest.Step, d.UndoRequest.Reason)
	},
	event.ExecutionContinued: func(d everything) string {
		return fmt.Sprintf("the action goes on (turn %d)", d.Progress.Turn)
	},
	event.RemediationExecuted: func(d everything) string { return executed(*d.Execution) },
	event.EffectivenessAssessed: func(d everything) string {
		a := d.Assessment
		return fmt.Sprintf("%s, score %.2f: %s", a.Verdict, a.Score, strings.Join(a.Reasons, "; "))
	},
	event.RemediationClosed:    ended,
	event.RemediationExpired:   ended,
	event.RemediationEscalated: ended,
	event.RemediationFailed:    ended,
}

func classified(c *event.Classification) string {
	return fmt.Sprintf("%s, %s, %s, %s", c.Priority, c.Severity, c.Environment, c.SignalMode)
}

func decided(d everything) string {
	x := d.Decision
	text := x.Outcome
	if x.DryRun {
		text += " (dry run)"
	}
	if x.Approver != "" {
		text += " by " + x.Approver
	}
	return text + ": " + join(x.Reason, x.Detail)
}

func answered(d everything) string {
	verb := "refused"
	if d.Approval.Granted {
		verb = "approved"
	}
	return join(d.Approval.Approver+" "+verb, d.Approval.Comment)
}

func ended(d everything) string { return d.End.Outcome + ": " + join(d.End.Reason, d.End.Detail) }

// observed is what enrich found, in as few words as tell a fault.
func observed(c *event.Context) string {
	var parts []string
	if w := c.Workload; w != nil {
		parts = append(parts, fmt.Sprintf("%d of %d ready", w.Ready, w.Desired))
	}
	waiting := map[string]int{}
	for _, p := range c.Pods {
		for _, s := range p.Containers {
			if s.Waiting != "" {
				waiting[s.Waiting]++
			}
			if s.Last != nil && s.Last.Reason == "OOMKilled" {
				waiting["OOMKilled"]++
			}
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(waiting)) {
		parts = append(parts, fmt.Sprintf("%d× %s", waiting[reason], reason))
	}
	if a := c.Autoscaler; a != nil {
		parts = append(parts, fmt.Sprintf("HPA at %d of %d to %d", a.Current, a.Min, a.Max))
	}
	if n := c.Node; n != nil && !n.Ready {
		parts = append(parts, "node "+n.Name+" not ready")
	}
	if len(c.Revisions) > 1 {
		parts = append(parts, fmt.Sprintf("%d revisions", len(c.Revisions)))
	}
	for _, u := range c.Unavailable {
		if u.Part == "usage" {
			continue // most clusters of a laptop's size run no metrics-server
		}
		parts = append(parts, "cannot see "+u.Part)
	}
	if len(parts) == 0 {
		return "nothing remarkable"
	}
	return strings.Join(parts, ", ")
}

func executed(x event.Execution) string {
	text := x.Action + " " + strings.ReplaceAll(x.Outcome, "_", " ")
	if x.Reason != "" {
		text += ": " + join(x.Reason, x.Detail)
	}
	for i, c := range x.Changes {
		if i == maxChanges {
			text += fmt.Sprintf("; and %d more", len(x.Changes)-maxChanges)
			break
		}
		text += "; " + Changed(c)
	}
	return text
}

// maxChanges bounds the changes that one line tells.
const maxChanges = 3

// Changed is one change as people write it: field before → after.
func Changed(c event.Change) string {
	return fmt.Sprintf("%s %s → %s", strings.TrimPrefix(c.Field, "/"), value(c.Before), value(c.After))
}

func value(v any) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprint(v)
}

func called(action string, parameters map[string]any) string {
	args := make([]string, 0, len(parameters))
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		args = append(args, fmt.Sprintf("%s=%v", name, parameters[name]))
	}
	if len(args) == 0 {
		return action
	}
	return action + "(" + strings.Join(args, ", ") + ")"
}
