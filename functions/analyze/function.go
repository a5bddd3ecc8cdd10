package function

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/stage"
)

// Settings of this stage.
const (
	// envAnalyst names who analyses; "rules" is the offline rule base.
	envAnalyst = "ANALYST"
	// The caps are execute's own: what it would refuse is not proposed.
	envMaxMemory   = "MAX_MEMORY"
	envMaxCPU      = "MAX_CPU"
	envMaxReplicas = "MAX_REPLICAS"
	envMaxHPA      = "HPA_MAX_CAP"
)

// Named reasons.
const (
	reasonRungsSpent      = "rungs_spent"
	reasonTurnsSpent      = "turns_spent"
	reasonNothingProposed = "nothing_proposed"
	reasonStateTooLarge   = "state_too_large"
	reasonNotIneffective  = "not_ineffective"
	reasonAnalystFailed   = "analyst_failed"
)

// maxTurns bounds an investigation: a Broker lets an event chain of 255
// replies pass, of which at most 100 may be ours.
const maxTurns = 40

// New makes the stage. It does no I/O and cannot fail.
func New() *stage.Function {
	return stage.New(event.StageAnalyze, open, stage.WithInbox())
}

func open(_ context.Context, rt *stage.Runtime) (stage.Routes, error) {
	analyst, err := selectAnalyst(rt.Config)
	if err != nil {
		return nil, err
	}
	a := analyze{analyst: analyst, now: rt.Now}
	routes := stage.Routes{
		event.SignalClassified:      stage.On(a.classified),
		event.AnalysisContinued:     stage.On(a.continued),
		event.EffectivenessAssessed: stage.On(a.assessed),
	}
	rt.Explain(routes.Only(event.SignalClassified, event.AnalysisContinued))
	return routes, nil
}

func selectAnalyst(c *stage.Config) (Analyst, error) {
	caps, err := parseCaps(c.String(envMaxMemory, defaultMaxMemory), c.String(envMaxCPU, defaultMaxCPU),
		counts{replicas: c.Int(envMaxReplicas, defaultMaxReplicas), autoscaler: c.Int(envMaxHPA, defaultMaxHPA)})
	if err != nil {
		return nil, err
	}
	switch name := c.String(envAnalyst, analystRules); name {
	case analystRules:
		return rules{caps: caps}, nil
	default:
		return nil, fmt.Errorf("setting %s: %q is not an analyst; there is %q", envAnalyst, name, analystRules)
	}
}

// analyze is the stage between the harness and the domain.
type analyze struct {
	analyst Analyst
	now     func() time.Time
}

func (a analyze) classified(ctx context.Context, in stage.Input[event.SignalClassifiedData]) (stage.Reply, error) {
	return a.turn(ctx, in.Data, event.Analysis{})
}

func (a analyze) continued(ctx context.Context, in stage.Input[event.AnalysisContinuedData]) (stage.Reply, error) {
	return a.turn(ctx, in.Data.SignalClassifiedData, in.Data.Analysis)
}

// turn takes one turn of an investigation.
func (a analyze) turn(ctx context.Context, d event.SignalClassifiedData, before event.Analysis) (stage.Reply, error) {
	finding, err := a.analyst.Analyze(ctx, Case{Remediation: d.Remediation.ID, Signal: d.Signal, Context: d.Context,
		Classification: d.Classification, Attempts: d.Attempts, Analysis: before})
	if err != nil {
		return stage.Reply{}, stage.Transient(reasonAnalystFailed, fmt.Errorf("analyze signal: %w", err))
	}
	if finding.Another {
		return a.another(d, finding, before.Turn+1), nil
	}
	proposal, err := propose(finding, len(d.Attempts)+1)
	if errors.Is(err, errNoRung) {
		return a.escalate(reasonNothingProposed, fmt.Sprintf("The analyst %q found nothing to do about %s on %s: look at it yourself.",
			finding.Analyst, d.Signal.Name, d.Signal.Target)), nil
	}
	if err != nil {
		return stage.Reply{}, err
	}
	return stage.Emit(event.RemediationProposed,
		event.Section{Name: event.SectionProposal, Value: proposal}, event.Section{Name: event.SectionAnalysis}), nil
}

// another hands the investigation back to the Broker, within bounds.
func (a analyze) another(d event.SignalClassifiedData, f Finding, turn int) stage.Reply {
	if turn >= maxTurns {
		return a.escalate(reasonTurnsSpent, fmt.Sprintf("The investigation of %s by %q took %d turns without an answer: look at %s yourself.",
			d.Signal.Name, f.Analyst, turn, d.Signal.Target))
	}
	if len(f.State) > maxState {
		return a.escalate(reasonStateTooLarge, fmt.Sprintf("The investigation of %s by %q carries more than %d bytes: look at %s yourself.",
			d.Signal.Name, f.Analyst, maxState, d.Signal.Target))
	}
	return stage.Emit(event.AnalysisContinued,
		event.Section{Name: event.SectionAnalysis, Value: event.Analysis{Turn: turn, State: f.State}})
}

// assessed climbs to the next rung after an action that did not help.
func (a analyze) assessed(_ context.Context, in stage.Input[event.EffectivenessAssessedData]) (stage.Reply, error) {
	if in.Data.Assessment.Verdict != event.VerdictIneffective {
		return stage.Nothing(reasonNotIneffective), nil
	}
	tried := event.Section{Name: event.SectionAttempts, Value: attempts(in.Data)}
	proposal, ok := climb(in.Data)
	if !ok {
		reply := a.escalate(reasonRungsSpent, spent(in.Data))
		reply.Sections = append(reply.Sections, tried)
		return reply, nil
	}
	return stage.Emit(event.RemediationProposed, tried,
		event.Section{Name: event.SectionProposal, Value: proposal},
		// What belonged to the step before must not pass for this step's.
		event.Section{Name: event.SectionDecision}, event.Section{Name: event.SectionApproval},
		event.Section{Name: event.SectionExecution}, event.Section{Name: event.SectionProgress},
		event.Section{Name: event.SectionAssessment}, event.Section{Name: event.SectionAnalysis}), nil
}

func (a analyze) escalate(reason, detail string) stage.Reply {
	return stage.Ended(event.RemediationEscalated, event.End{Outcome: event.OutcomeEscalated, Reason: reason,
		Detail: event.Cut(detail, 2*event.MaxText), Stage: event.StageAnalyze, EndedAt: a.now()})
}
