package broker

import (
	"errors"
	"fmt"
	"net/url"
	"sync/atomic"

	"go.uber.org/zap"
	"k8s.io/apimachinery/pkg/types"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/eventing/pkg/eventfilter"
	duckv1 "knative.dev/pkg/apis/duck/v1"
)

// subscription is whoever gets events: a Trigger's subscriber, or a PingSource's sink.
type subscription struct {
	name       string // namespace/name
	namespace  string
	broker     *hub // nil for a PingSource
	filter     eventfilter.Filter
	url        string
	deadLetter string // empty: none
	policy     policy
	queue      queue
	load       atomic.Int64
	marks      marks
}

// reserve takes a place in the bounded queue.
func (s *subscription) reserve(limit int) bool {
	if s.load.Add(1) > int64(limit) {
		s.load.Add(-1)
		return false
	}
	return true
}

// hub is one Broker of the manifests: its address and its Triggers.
type hub struct {
	name types.NamespacedName
	// address is what a dead letter names as the destination of a refused reply: the Broker's in a cluster.
	address string
	subs    []*subscription
}

// plan is what the manifests come to.
type plan struct {
	hubs  map[types.NamespacedName]*hub
	pings []*pinger
}

// planner resolves manifests against Options.
type planner struct {
	log  *zap.Logger
	opts Options
}

// plan connects Triggers to Brokers and subscribers, and reports all that is wrong at once.
func (p planner) plan(m *Manifests) (*plan, error) {
	out := &plan{hubs: map[types.NamespacedName]*hub{}}
	specs := map[types.NamespacedName]*eventingv1.Broker{}
	for _, b := range m.Brokers {
		if class := brokerClass(b); class != p.opts.Class {
			p.log.Info("Leaving a Broker of another class alone", zap.Stringer("broker", key(b)), zap.String("class", class))
			continue
		}
		specs[key(b)] = b
		out.hubs[key(b)] = &hub{name: key(b), address: clusterAddress(key(b))}
	}
	var errs []error
	for _, t := range m.Triggers {
		if err := p.subscribe(out, specs, t); err != nil {
			errs = append(errs, fmt.Errorf("subscribe Trigger %s: %w", key(t), err))
		}
	}
	for _, s := range m.PingSources {
		ping, err := p.pinger(s)
		if err != nil {
			errs = append(errs, fmt.Errorf("schedule PingSource %s: %w", key(s), err))
			continue
		}
		out.pings = append(out.pings, ping)
	}
	return out, errors.Join(errs...)
}

// subscribe adds one Trigger to its Broker.
func (p planner) subscribe(out *plan, specs map[types.NamespacedName]*eventingv1.Broker, t *eventingv1.Trigger) error {
	name := brokerOf(t)
	spec, ok := specs[name]
	if !ok {
		return fmt.Errorf("no Broker %s of class %s is declared", name, p.opts.Class)
	}
	filter, err := newFilter(p.log, &t.Spec)
	if err != nil {
		return err
	}
	delivery, sink := effectiveDelivery(t, spec)
	policy, err := newPolicy(delivery, p.opts.BackoffScale)
	if err != nil {
		return err
	}
	s := &subscription{name: key(t).String(), namespace: t.Namespace, broker: out.hubs[name], filter: filter, policy: policy}
	if s.url, err = p.resolve(&t.Spec.Subscriber); err != nil {
		return fmt.Errorf("resolve subscriber: %w", err)
	}
	if sink != nil {
		if s.deadLetter, err = p.resolve(sink); err != nil {
			return fmt.Errorf("resolve dead letter sink: %w", err)
		}
	}
	s.broker.subs = append(s.broker.subs, s)
	return nil
}

// brokerOf is the Broker a Trigger names, in its own namespace.
func brokerOf(t *eventingv1.Trigger) types.NamespacedName {
	name := t.Spec.Broker
	if t.Spec.BrokerRef != nil {
		name = t.Spec.BrokerRef.Name
	}
	return types.NamespacedName{Namespace: t.Namespace, Name: name}
}

// resolve turns a destination into an absolute URL: its own URI, or its reference resolved, with a relative
// URI applied to it.
func (p planner) resolve(d *duckv1.Destination) (string, error) {
	if d.Ref == nil {
		return checkURL(d.URI.String())
	}
	base, ok := p.opts.Resolve(*d.Ref)
	if !ok {
		return "", fmt.Errorf("nothing plays %s %s %s/%s here", d.Ref.APIVersion, d.Ref.Kind, d.Ref.Namespace, d.Ref.Name)
	}
	if d.URI == nil {
		return checkURL(base)
	}
	parsed, err := url.Parse(base)
	if err != nil {
		return "", fmt.Errorf("parse URL: %w", err)
	}
	return checkURL(parsed.ResolveReference(d.URI.URL()).String())
}

func checkURL(raw string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return "", fmt.Errorf("parse URL: %w", err)
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return "", fmt.Errorf("%q is no absolute HTTP URL", raw)
	}
	return raw, nil
}

func clusterAddress(name types.NamespacedName) string {
	return fmt.Sprintf("http://broker-ingress.knative-eventing.svc.cluster.local/%s/%s", name.Namespace, name.Name)
}
