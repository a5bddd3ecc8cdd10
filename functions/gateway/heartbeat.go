package function

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"kubernaut.ai/functions/gateway/scan"
	"kubernaut.ai/functions/gateway/source"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/signal"
)

// ownSource is where signals come from that the gateway raises itself. No
// sender's source is called so: their alerts are looked up and judged.
const ownSource = "kubernaut"

// HeartbeatLost is the alert that says that no Watchdog comes any more: alerts
// may fire of which Kubernaut hears nothing.
const HeartbeatLost = "KubernautHeartbeatLost"

// beatsWithin is how often a heartbeat is noted within the time in which one
// has to come; what comes in between is not written down.
const beatsWithin = 10

// heartbeats is what the gateway needs of the ledger for the heartbeat.
type heartbeats interface {
	Beat(ctx context.Context) error
	Pulse(ctx context.Context, within time.Duration) (ledger.Pulse, error)
	Calm(ctx context.Context, since time.Time) error
}

// heart watches over the alert that always fires.
type heart struct {
	// within is how long none may come; zero watches over none.
	within time.Duration
	// target is what the loss is about. It is not looked up: whoever has to hear
	// of it must, whatever the cluster says.
	target event.Target

	mu    sync.Mutex
	noted time.Time
}

// openHeart checks the target, namespace/Kind/name as subjects are written.
func openHeart(within time.Duration, target, namespace string) (*heart, error) {
	h := &heart{within: within, target: event.Target{APIVersion: "v1", Kind: "Namespace", Name: namespace}}
	if target == "" {
		return h, nil
	}
	p := strings.Split(target, "/")
	if len(p) != 3 || p[0] != "" && !signal.ValidNamespace(p[0]) || !signal.ValidKindName(p[1]) || !signal.ValidName(p[2]) {
		return nil, fmt.Errorf("setting %s: %q is not namespace/Kind/name; write /Kind/name for what has no namespace", EnvHeartbeatTarget, target)
	}
	h.target = event.Target{Namespace: p[0], Kind: p[1], Name: p[2]}
	return h, nil
}

// due tells whether a heartbeat that comes now has to be noted.
func (h *heart) due(now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.within > 0 && (h.noted.IsZero() || now.Sub(h.noted) >= h.within/beatsWithin)
}

func (h *heart) beat(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.noted = now
}

// hear notes this cluster's heartbeat where one is among the alerts. One that
// cannot be noted is to be posted again.
func (g *gateway) hear(ctx context.Context, firing []*work) {
	for _, w := range firing {
		if w.result.Reason != signal.ReasonHeartbeat || scan.Made(w.source) || !g.ours(w.alert) || !g.heart.due(w.received) {
			continue
		}
		if err := g.claims.Beat(ctx); err != nil {
			w.result.retry(ReasonLedgerDown, err)
			continue
		}
		g.heart.beat(w.received)
	}
}

// ours tells that the alert does not name another cluster.
func (g *gateway) ours(a signal.Alert) bool {
	theirs := a.Labels[signal.LabelCluster]
	return g.cluster == "" || theirs == "" || theirs == g.cluster
}

// listen raises a signal when the heartbeat was lost, and ends it when it came
// back. Every instance that looks names the same loss, so that there is one
// remediation; that it came back is forgotten when it was told.
func (g *gateway) listen(ctx context.Context) error {
	if g.heart.within == 0 {
		return nil
	}
	p, err := g.claims.Pulse(ctx, g.heart.within)
	if err != nil || !p.Lost && !p.Back {
		return err
	}
	answer := g.accept(ctx, source.Batch{Source: ownSource, Items: []source.Item{{Alert: g.heart.loss(p)}}})
	if err := answer.failure(); err != nil || p.Lost {
		return err
	}
	return g.claims.Calm(ctx, p.Since)
}

// loss is the alert that says so, with the same id for every loss.
func (h *heart) loss(p ledger.Pulse) signal.Alert {
	a := signal.Alert{
		Labels: map[string]string{signal.LabelAlertName: HeartbeatLost, signal.LabelSeverity: signal.SeverityCritical},
		Annotations: map[string]string{
			"summary": "Alerts may not reach Kubernaut.",
			"description": fmt.Sprintf("No Watchdog came for %s. See whether Prometheus runs, Alertmanager runs and routes Watchdog to Kubernaut, and its requests are let in.",
				h.within)},
		StartsAt: p.Since, EndsAt: p.Returned, Resolved: p.Back,
	}
	a.ID = signal.OwnID(a.Labels)
	return a
}

// locateOwn is for signals of the gateway's own: their target is configured.
// It needs no scope either, since people are told and nothing else is done:
// whatever else somebody might propose, execute asks for the scope.
func (g *gateway) locateOwn(w *work) {
	w.resource, w.target = g.heart.target, g.heart.target
	w.fingerprint = w.workload(w.target).Fingerprint()
	w.result.about(w.target, w.fingerprint)
}
