package function

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"kubernaut.ai/functions/gateway/source"
	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/stage"
)

// New makes the stage. It does no I/O and cannot fail.
func New() *stage.HTTPFunction {
	return stage.NewHTTP(event.StageGateway, open, stage.NeedsLedger(), stage.NeedsSink())
}

func open(_ context.Context, rt *stage.Runtime) (http.Handler, error) {
	c := rt.Config
	clients, err := cluster.Connect(cluster.Options{Stage: rt.Stage,
		Kubeconfig: c.String(stage.EnvKubeconfig, ""), Context: c.String(stage.EnvKubeContext, "")})
	if err != nil {
		return nil, fmt.Errorf("setting %s: %w", stage.EnvKubeconfig, err)
	}
	rules, err := filters(c).Rules()
	if err != nil {
		return nil, fmt.Errorf("settings %s, %s and %s: %w", EnvNeverTargets, EnvMonitoringServices, EnvMonitoringPods, err)
	}
	meters, err := newMeters()
	if err != nil {
		return nil, fmt.Errorf("make instruments: %w", err)
	}
	sources, err := source.Open(c)
	if err != nil {
		return nil, fmt.Errorf("open sources: %w", err)
	}
	stages, stagesErr := stage.ParseStages(c.String(stage.EnvStages, ""))
	heart, heartErr := openHeart(c.Duration(EnvHeartbeatWithin, 0), c.String(EnvHeartbeatTarget, ""), rt.Namespace)
	scans, scansErr := openScans(rt, clients, sources)
	objects := cluster.NewCache(clients, 0)
	guard, guardErr := openGuard(rt, clients, objects)
	limits, limitsErr := openLimits(c)
	if err := errors.Join(heartErr, scansErr, guardErr, limitsErr, stagesErr); err != nil {
		return nil, err
	}
	g := &gateway{
		claims: rt.Ledger, objects: objects, outbox: broker{rt}, drop: rt.Drop,
		rules: rules, cluster: c.String(EnvClusterName, ""), within: c.Duration(stage.EnvTurnWithin, stage.DefaultTurnWithin),
		lease: c.Lease(publishLease), expiryLease: c.Lease(expiryLease), heart: heart, scans: scans,
		now: rt.Now, joined: newRecent[string, join](joinedSize), expected: newRecent[string, expected](expectedSize),
		suppressed: newSuppressor(), meters: meters,
	}
	h := newHandler(g, newGate(guard, limits), sources)
	h.explain(newExplainer(g, rt.Ledger, newAsker(rt, stages)), sources)
	return h, nil
}

// broker is the outbox of a running stage.
type broker struct{ rt *stage.Runtime }

// Send seals the draft and returns once the Broker has taken the event.
func (b broker) Send(ctx context.Context, d event.Draft) ([]byte, error) {
	e, err := b.rt.Seal(ctx, d)
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", event.ShortType(d.Type), err)
	}
	if err := b.rt.Publish(ctx, e); err != nil {
		return nil, err
	}
	return stage.Encode(e)
}
