package function

import (
	"context"
	"errors"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"k8s.io/apimachinery/pkg/api/resource"

	"kubernaut.ai/functions/execute/reading"
	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/stage"
)

// The settings of this stage, besides the shared ones.
const (
	// EnvObserveWithin bounds the wait for a write's first effect.
	EnvObserveWithin = "OBSERVE_WITHIN"
	// Caps that no decision can lift.
	EnvMaxReplicas = "MAX_REPLICAS"
	EnvHPAMaxCap   = "HPA_MAX_CAP"
	EnvMaxMemory   = "MAX_MEMORY"
	EnvMaxCPU      = "MAX_CPU"
)

// New makes the execute stage.
func New() *stage.Function {
	return stage.New(event.StageExecute, open, stage.WithInbox())
}

func open(_ context.Context, rt *stage.Runtime) (stage.Routes, error) {
	s, err := settings(rt.Config)
	if err != nil {
		return nil, err
	}
	clients, err := cluster.Connect(cluster.Options{Kubeconfig: rt.Config.String(stage.EnvKubeconfig, ""),
		Context: rt.Config.String(stage.EnvKubeContext, ""), Stage: event.StageExecute})
	if err != nil {
		return nil, err
	}
	scope := func() Scoper { return clients.Once() }
	e := explaining{NewExplainer(View{Kube: reading.Of(clients.Kube), Scope: scope, Plans: NewPlans(rt.Ledger), Now: rt.Now}, s), rt.Now}
	rt.Explain(stage.Routes{
		event.RemediationApproved: stage.On(e.decided),
		event.RemediationHeld:     stage.On(e.decided),
	})
	h := handler{executor: NewExecutor(Parts{Kube: clients.Kube, Scope: scope, Book: NewBook(rt.Ledger), Now: rt.Now}, s), track: rt.Track}
	return stage.Routes{
		event.RemediationApproved: stage.On(h.approved),
		event.ExecutionContinued:  stage.On(h.continued),
	}, nil
}

type handler struct {
	executor *Executor
	// track moves the claim to an event, if its remediation holds it.
	track func(ctx context.Context, e cloudevents.Event, within time.Duration) error
}

func (h handler) approved(ctx context.Context, in stage.Input[event.RemediationDecidedData]) (stage.Reply, error) {
	r := request(in.Data, in.Document)
	if in.Data.Decision.Undo {
		r.Applied = new(event.Execution)
		if err := in.Document.Decode(event.SectionExecution, r.Applied); err != nil {
			r.Applied = nil
		}
	}
	return h.turn(ctx, r)
}

func (h handler) continued(ctx context.Context, in stage.Input[event.ExecutionContinuedData]) (stage.Reply, error) {
	r := request(in.Data.RemediationDecidedData, in.Document)
	r.Progress = &in.Data.Progress
	return h.turn(ctx, r)
}

func request(d event.RemediationDecidedData, doc event.Document) Request {
	return Request{Remediation: d.Remediation, Signal: d.Signal, Context: d.Context, Proposal: d.Proposal,
		Decision: d.Decision, ProposalDigest: doc.Digest(event.SectionProposal)}
}

func (h handler) turn(ctx context.Context, r Request) (stage.Reply, error) {
	res, err := h.executor.Execute(ctx, r)
	if err != nil {
		return stage.Reply{}, transient(err)
	}
	return h.told(res), nil
}

// told is the reply. That an action was taken back is told whoever holds the claim:
// its remediation may end meanwhile, or have ended long before.
func (h handler) told(res Result) stage.Reply {
	out := reply(res)
	if res.Execution.Outcome == event.ExecutionUndone && !out.Detached {
		out.Detached, out.Before = true, h.trackIfHeld
	}
	return out
}

func (h handler) trackIfHeld(ctx context.Context, e cloudevents.Event) error {
	if err := h.track(ctx, e, 0); !errors.Is(err, stage.ErrSuperseded) {
		return err
	}
	return nil
}

// transient names the reason of a failure that may pass, where it has one.
func transient(err error) error {
	var p *Passing
	if errors.As(err, &p) {
		return stage.Transient(p.Reason, p.Err)
	}
	return err
}

// explaining answers what would be done, with nothing that could do it.
type explaining struct {
	explainer *Explainer
	now       func() time.Time
}

// decided tells what would follow from an approval or, where a person has to
// answer first, from a yes.
func (h explaining) decided(ctx context.Context, in stage.Input[event.RemediationDecidedData]) (stage.Reply, error) {
	res, err := h.explainer.Explain(ctx, asIfApproved(request(in.Data, in.Document), h.now()))
	if err != nil {
		return stage.Reply{}, transient(err)
	}
	if res.Cause != nil {
		stage.Logger(ctx).Warnw("it would be refused", "reason", res.Execution.Reason, "error", res.Cause)
	}
	return reply(res), nil
}

// reply is the event that tells what a turn came to.
func reply(res Result) stage.Reply {
	execution := event.Section{Name: event.SectionExecution, Value: res.Execution}
	done := event.Section{Name: event.SectionProgress}
	var out stage.Reply
	switch {
	case res.Ended:
		return stage.Nothing(stage.ReasonSuperseded)
	case res.Next != nil:
		out = stage.Emit(event.ExecutionContinued, event.Section{Name: event.SectionProgress, Value: *res.Next})
	case res.Execution.Outcome == event.ExecutionRefused:
		out = stage.Ended(event.RemediationFailed, end(res.Execution), execution, done)
	default:
		out = stage.Emit(event.RemediationExecuted, execution, done)
	}
	out.Reason, out.Detached = res.Execution.Reason, res.Detached
	return out
}

func end(e event.Execution) event.End {
	outcome := event.OutcomeFailed
	if e.Reason == ReasonResolved {
		outcome = event.OutcomeCancelled
	}
	return event.End{Outcome: outcome, Reason: e.Reason, Detail: e.Detail, Stage: event.StageExecute, EndedAt: e.FinishedAt}
}

// Defaults of the settings.
const (
	defaultMaxReplicas = 50
	defaultHPAMaxCap   = 50
	defaultMaxMemory   = "8Gi"
	defaultMaxCPU      = "4"
)

// DefaultSettings are those of a stage that is given none.
func DefaultSettings() Settings {
	s, err := settings(stage.NewConfig(nil))
	if err != nil {
		// The defaults are constants of this file.
		panic(err)
	}
	return s
}

func settings(c *stage.Config) (Settings, error) {
	memory, errMemory := quantity(c, EnvMaxMemory, defaultMaxMemory)
	cpu, errCPU := quantity(c, EnvMaxCPU, defaultMaxCPU)
	return Settings{
		Stabilization: c.Duration(stage.EnvStabilization, stage.DefaultStabilization),
		ObserveWithin: c.Duration(EnvObserveWithin, defaultObserveWithin),
		DryRunOnly:    c.Bool(stage.EnvDryRun, false),
		Caps: Caps{Replicas: c.Int(EnvMaxReplicas, defaultMaxReplicas),
			Autoscaler: c.Int(EnvHPAMaxCap, defaultHPAMaxCap), Memory: memory, CPU: cpu},
	}, errors.Join(errMemory, errCPU)
}

func quantity(c *stage.Config, name, otherwise string) (resource.Quantity, error) {
	q, err := resource.ParseQuantity(c.String(name, otherwise))
	if err == nil && q.Sign() <= 0 {
		err = errors.New("must be more than zero")
	}
	if err != nil {
		return q, errors.Join(errors.New("setting "+name), err)
	}
	return q, nil
}
