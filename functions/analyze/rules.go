package function

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"kubernaut.ai/shared/action"
	"kubernaut.ai/shared/event"
)

// analystRules is the name of the offline analyst.
const analystRules = "rules"

// What a part of the context that is unavailable takes from the confidence,
// and the most that remains when it is a part that the rule needs.
const (
	unavailablePenalty = 0.1
	degradedConfidence = 0.4
	minConfidence      = 0.1
)

// rule is one line of the rule base. The first rule that matches gives the
// ladder; rules are tried in the order of ruleBase.
type rule struct {
	// name is how proposals and tests call the rule.
	name string
	// alerts are the alert names it is for; none: any.
	alerts []string
	// kinds are the target kinds it is for; none: any.
	kinds []string
	// needs are the parts of the context without which the rule may not
	// disturb anything: diagnostics and a notice remain.
	needs []string
	// when finds the observed state that the rule is about; nil: none needed.
	when func(facts) (observation, bool)
	// because says in plain words why the ladder follows.
	because string
	ladder  []rung
	// person tells that only people can help: nothing but the ladder is proposed,
	// whatever could not be seen.
	person bool
	// confidence in the first rung when the whole context was there.
	confidence float64
}

// observation is what a rule saw.
type observation struct {
	evidence []event.Evidence
	// container is the one that is in trouble, if it is one.
	container string
	rollout   rollout
}

// rung builds one action of a ladder; ok is false when it cannot help here.
type rung func(facts, observation) (event.Rung, bool)

// rules is the analyst that works without any model: a table.
type rules struct{ caps caps }

// ruleBase is the whole table: first what is about Kubernaut itself; then
// observed states, since they are certain whatever the alert is called; then
// what each event's reason and each alert's name says.
var ruleBase = slices.Concat(ownRules, stateRules, eventRules, podRules, workloadRules, nodeRules, platformRules, lastRules)

// Analyze answers in one turn, and never fails.
func (r rules) Analyze(_ context.Context, c Case) (Finding, error) {
	f := facts{Case: c, caps: r.caps}
	for _, rule := range ruleBase {
		seen, ok := rule.match(f)
		if !ok {
			continue
		}
		if finding, ok := rule.finding(f, seen); ok {
			return finding, nil
		}
	}
	return Finding{Analyst: analystRules}, nil
}

func (r rule) match(f facts) (observation, bool) {
	if len(r.alerts) > 0 && !slices.Contains(r.alerts, f.Signal.Name) {
		return observation{}, false
	}
	if len(r.kinds) > 0 && !slices.Contains(r.kinds, f.Signal.Target.Kind) {
		return observation{}, false
	}
	if r.when == nil {
		return observation{}, true
	}
	return r.when(f)
}

// finding builds the ladder; ok is false when no rung of it is possible.
func (r rule) finding(f facts, seen observation) (Finding, bool) {
	lacking := f.missing(append(r.needs, partTarget)...)
	ladder := r.ladder
	if len(lacking) > 0 && !r.person {
		// What is not seen must not be disturbed.
		ladder = []rung{diagnose, notify}
	}
	var rungs []event.Rung
	for _, build := range ladder {
		next, ok := build(f, seen)
		if !ok {
			continue
		}
		next.Rationale = rationale(f, r, next)
		rungs = append(rungs, next)
	}
	if len(rungs) == 0 {
		return Finding{}, false
	}
	return Finding{Analyst: analystRules, Rungs: rungs, Confidence: r.trust(f, len(lacking) > 0), Evidence: r.evidence(f, seen)}, true
}

func (r rule) trust(f facts, degraded bool) float64 {
	c := r.confidence
	for _, u := range f.Context.Unavailable {
		if u.Part != partUsage {
			c -= unavailablePenalty
		}
	}
	if degraded {
		c = min(c, degradedConfidence)
	}
	return max(math.Round(c*100)/100, minConfidence)
}

// evidence starts with the alert and the rule, so that a person can find the
// rule in the table, and ends with what could not be seen.
func (r rule) evidence(f facts, seen observation) []event.Evidence {
	out := []event.Evidence{
		{Source: "alert", Detail: fmt.Sprintf("%s fires for %s since %s", f.Signal.Name, f.Signal.Target, f.Signal.StartsAt.UTC().Format("2006-01-02 15:04:05"))},
		{Source: "rule", Detail: r.name},
	}
	out = append(out, seen.evidence[:min(len(seen.evidence), maxSeen)]...)
	if g := f.Context.GitOps; g != nil {
		out = append(out, event.Evidence{Source: "gitOps", Detail: fmt.Sprintf("%s %q owns the spec", g.Tool, g.Name)})
	}
	for _, u := range f.Context.Unavailable[:min(len(f.Context.Unavailable), maxSeen)] {
		out = append(out, event.Evidence{Source: u.Part, Detail: "could not be read: " + u.Reason})
	}
	return out
}

// maxSeen bounds each of the two lists within the evidence.
const maxSeen = 4

// rationale joins why the rule applies with what this rung would do.
func rationale(f facts, r rule, next event.Rung) string {
	text := sentence(next.Rationale)
	if r.because != "" {
		text = sentence(r.because) + " " + text
	}
	entry, _ := action.Lookup(next.Action)
	if g := f.Context.GitOps; g != nil && entry.ChangesSpec && next.Target.Same(f.target()) {
		text += fmt.Sprintf(" %s %q owns the spec: make the same change there, or it will be put back.", g.Tool, g.Name)
	}
	return event.Cut(text, event.MaxText)
}

func sentence(s string) string {
	if s == "" || strings.HasSuffix(s, ".") {
		return s
	}
	return s + "."
}
