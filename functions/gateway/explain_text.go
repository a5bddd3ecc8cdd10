package function

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"kubernaut.ai/shared/event"
)

// Text is the explanation for people: about a screen an alert.
func (e Explanation) Text() string {
	var b strings.Builder
	for _, a := range e.Alerts {
		a.text(&b)
	}
	if e.LeftOut > 0 {
		fmt.Fprintf(&b, "%d more alerts of the request are not explained.\n", e.LeftOut)
	}
	if e.Truncated > 0 {
		fmt.Fprintf(&b, "The sender left %d alerts out of the request.\n", e.Truncated)
	}
	return strings.Map(harmless, b.String())
}

// harmless takes control characters out of what strangers wrote: a terminal
// would obey them.
func harmless(c rune) rune {
	if unicode.IsControl(c) && c != '\n' {
		return unicode.ReplacementChar
	}
	return c
}

// line writes one line: whatever a stranger wrote, it does not begin another.
func line(b *strings.Builder, head, format string, args ...any) {
	text := strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", " ")
	fmt.Fprintf(b, "  %-10s %s\n", head, strings.TrimRight(text, " :"))
}

func (a ExplainedAlert) text(b *strings.Builder) {
	fmt.Fprintf(b, "%s: would %s\n", strings.ReplaceAll(a.Alert, "\n", " "), strings.ReplaceAll(a.Would, "_", " "))
	for i, c := range a.Candidates {
		head := ""
		if i == 0 {
			head = "target"
		}
		line(b, head, "%s=%s  %s (%s)", c.Label, event.Target{Kind: c.Kind, Namespace: c.Namespace, Name: c.Name}, c.Verdict, c.Reason)
	}
	if len(a.Owners) > 1 {
		names := make([]string, len(a.Owners))
		for i, o := range a.Owners {
			names[i] = o.Kind + "/" + o.Name
		}
		line(b, "owners", "%s", strings.Join(names, " -> "))
	}
	if a.Scope != nil {
		line(b, "scope", "managed=%t (%s)", a.Scope.Managed, a.Scope.Reason)
	}
	if c := a.Claim; c != nil {
		line(b, "claim", "%s %s %s", c.Would, c.Remediation, c.Phase)
	}
	for _, s := range a.Stages {
		if s.Execution == nil {
			line(b, s.Stage, "%s", s.summary())
			continue
		}
		when := ""
		if a.Would == WouldHold {
			when = "once a person approves: "
		}
		line(b, s.Stage, "%s%s", when, execution(*s.Execution))
		plan(b, *s.Execution)
	}
	line(b, "stops at", "%s: %s: %s", a.Stopped.At, a.Stopped.Reason, a.Stopped.Detail)
}

// summary is one line of what a stage would answer.
func (s ExplainedStage) summary() string {
	switch {
	case s.Event == "":
		return s.Reason + ": " + s.Detail
	case s.Decision != nil:
		return s.Decision.Outcome + ": " + s.Decision.Reason + ": " + s.Decision.Detail
	case s.Proposal != nil:
		return fmt.Sprintf("%s%s on %s, confidence %.2f, %s risk: %s", s.Proposal.Action, parameters(s.Proposal.Parameters),
			s.Proposal.Target, s.Proposal.Confidence, s.Proposal.Risk, s.Proposal.Rationale)
	case s.Classification != nil:
		c := s.Classification
		return fmt.Sprintf("%s, %s, %s, %s", c.Priority, c.Severity, c.Environment, c.SignalMode)
	case s.End != nil:
		return s.End.Outcome + ": " + s.End.Reason + ": " + s.End.Detail
	}
	return s.Event
}

// parameters writes them in the order of their names.
func parameters(all map[string]any) string {
	parts := make([]string, 0, len(all))
	for name, value := range all {
		parts = append(parts, fmt.Sprintf("%s=%v", name, value))
	}
	slices.Sort(parts)
	return "(" + strings.Join(parts, ", ") + ")"
}

// execution is one line of what execute would do.
func execution(e event.Execution) string {
	switch e.Outcome {
	case event.ExecutionRefused:
		return "would refuse: " + e.Reason + ": " + e.Detail
	case event.ExecutionDryRun:
		return fmt.Sprintf("would try %s on %s as a dry run, which changes nothing.", e.Action, e.Target)
	case event.ExecutionNothing:
		return fmt.Sprintf("%s would change nothing. %s", e.Action, e.Observed)
	}
	return fmt.Sprintf("would apply %s to %s. %s", e.Action, e.Target, e.Observed)
}

// plan writes what would differ, how it would be taken back, and what would be
// disturbed.
func plan(b *strings.Builder, e event.Execution) {
	var changes, disturbs []string
	for _, c := range e.Changes {
		changes = append(changes, fmt.Sprintf("%s  %s -> %s", strings.TrimSpace(c.Target.String()+" "+c.Field), value(c.Before), value(c.After)))
	}
	for _, d := range e.Disturbs {
		disturbs = append(disturbs, disturbed(d))
	}
	lines(b, "changes", changes)
	if e.Undo != nil && len(changes) > 0 {
		lines(b, "undo", []string{e.Undo.Summary})
	}
	lines(b, "disturbs", disturbs)
}

// lines writes one line an entry, the first with the head.
func lines(b *strings.Builder, head string, entries []string) {
	for _, entry := range entries {
		line(b, head, "%s", entry)
		head = ""
	}
}

func disturbed(d event.Disturbed) string {
	by := ""
	if d.By != nil {
		by = " of " + d.By.String()
	}
	managed := "managed"
	if !d.Managed {
		managed = "NOT managed"
	}
	return fmt.Sprintf("%s  %s (%s%s)", d.Target, managed, d.Reason, by)
}

// value writes a field's value as it looks in a manifest.
func value(v any) string {
	switch v := v.(type) {
	case nil:
		return "none"
	case string:
		return v
	}
	text, err := json.Marshal(v)
	if err != nil {
		return "?"
	}
	return string(text)
}
