package broker

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	cetypes "github.com/cloudevents/sdk-go/v2/types"
	"go.uber.org/zap"
	"k8s.io/apimachinery/pkg/types"
	knbroker "knative.dev/eventing/pkg/broker"
	"knative.dev/eventing/pkg/utils"
)

// verdict is the ingress's answer; an empty reason means accepted.
type verdict struct {
	status int
	reason string
}

var accepted = verdict{status: http.StatusAccepted}

// ServeHTTP is the Broker's ingress: POST a CloudEvent, binary or structured, to /<namespace>/<name>, or to /
// if the manifests declare one Broker only. 202 means queued for every Trigger that matches; 400 that the
// event can never be taken, 413 too large, 404 no such Broker; 503 with Retry-After that it may be sent again.
// The body of a refusal is its Reason constant.
func (b *Broker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v := b.receive(w, r)
	if v.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(int(RetryAfter.Seconds())))
	}
	if v.reason != "" {
		http.Error(w, v.reason, v.status)
		return
	}
	w.WriteHeader(v.status)
}

func (b *Broker) receive(w http.ResponseWriter, r *http.Request) verdict {
	w.Header().Set("Allow", "POST, OPTIONS")
	switch r.Method {
	case http.MethodPost:
	case http.MethodOptions: // the CloudEvents webhook handshake
		w.Header().Set("WebHook-Allowed-Origin", "*")
		w.Header().Set("WebHook-Allowed-Rate", "*")
		return verdict{status: http.StatusOK}
	default:
		return verdict{http.StatusMethodNotAllowed, ReasonMethodNotAllowed}
	}
	h := b.hubAt(r.URL.Path)
	if h == nil {
		return verdict{http.StatusNotFound, ReasonUnknownBroker}
	}
	r.Body = http.MaxBytesReader(w, r.Body, b.opts.MaxEventBytes)
	ev, err := cehttp.NewEventFromHTTPRequest(r)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return verdict{http.StatusRequestEntityTooLarge, ReasonEventTooLarge}
	case err != nil:
		b.log.Warn("Refusing what is no CloudEvent", zap.Error(err))
		return verdict{http.StatusBadRequest, ReasonInvalidEvent}
	}
	b.gate.RLock()
	defer b.gate.RUnlock()
	if b.stopping {
		return verdict{http.StatusServiceUnavailable, ReasonStopping}
	}
	return b.ingest(r.Context(), h, ev, utils.PassThroughHeaders(r.Header))
}

// hubAt finds the Broker of a path.
func (b *Broker) hubAt(path string) *hub {
	path = strings.Trim(path, "/")
	if path == "" && len(b.plan.hubs) == 1 {
		for _, h := range b.plan.hubs {
			return h
		}
	}
	namespace, name, ok := strings.Cut(path, "/")
	if !ok {
		return nil
	}
	return b.plan.hubs[types.NamespacedName{Namespace: namespace, Name: name}]
}

// ingest queues ev for every Trigger of h that wants it, or for none. It takes ev and header over.
func (b *Broker) ingest(ctx context.Context, h *hub, ev *event.Event, header http.Header) verdict {
	ctx = b.withLog(ctx)
	if err := ev.Validate(); err != nil {
		b.log.Warn("Refusing an invalid CloudEvent", zap.Error(err))
		return verdict{http.StatusBadRequest, ReasonInvalidEvent}
	}
	now := b.opts.Now()
	ttl := takeTTL(ev)
	if ttl <= 0 {
		b.dropped(ctx, Observation{EventID: ev.ID(), EventType: ev.Type(), Reason: ReasonTTLExhausted})
		return verdict{http.StatusBadRequest, ReasonTTLExhausted}
	}
	ev.SetExtension(knbroker.EventArrivalTime, cetypes.Timestamp{Time: now})
	subs := b.wanting(ctx, h, ev)
	if len(subs) == 0 {
		b.dropped(ctx, Observation{EventID: ev.ID(), EventType: ev.Type(), Reason: ReasonNoMatchingTrigger})
		return accepted
	}
	msg, err := newMessage(ctx, ev, setDelivery(header, h.name.Namespace))
	if err != nil {
		b.log.Warn("Refusing an event that cannot be sent on", zap.Error(err))
		return verdict{http.StatusBadRequest, ReasonUnsendableAttribute}
	}
	msg.ttl, msg.accepted = ttl, now
	if !b.enqueueAll(ctx, subs, msg) {
		return verdict{http.StatusServiceUnavailable, ReasonQueueFull}
	}
	return accepted
}

// takeTTL removes the TTL from an event and returns what is left of it, by Knative's rules: an event without
// one, or with one that is no number, starts afresh.
func takeTTL(ev *event.Event) int32 {
	ttl, err := knbroker.GetTTL(ev.Context)
	_ = knbroker.DeleteTTL(ev.Context) // fails only for names that are not valid
	if err != nil {
		return InitialTTL
	}
	return max(0, ttl-1)
}

// wanting lists the Triggers whose filters pass ev.
func (b *Broker) wanting(ctx context.Context, h *hub, ev *event.Event) []*subscription {
	var out []*subscription
	for _, s := range h.subs {
		ok, err := matches(ctx, s.filter, *ev)
		if err != nil {
			b.log.Error("Cannot filter an event", zap.String("trigger", s.name), zap.String("event", ev.ID()), zap.Error(err))
			b.dropped(ctx, Observation{Trigger: s.name, EventID: ev.ID(), EventType: ev.Type(), Reason: ReasonFilterPanicked})
		}
		if ok {
			out = append(out, s)
		}
	}
	return out
}

// enqueueAll reserves a place at every subscription, or at none, and then queues msg.
func (b *Broker) enqueueAll(ctx context.Context, subs []*subscription, msg *message) bool {
	for i, s := range subs {
		if !s.reserve(b.opts.QueueSize) {
			for _, undo := range subs[:i] {
				undo.load.Add(-1)
			}
			return false
		}
	}
	b.pending.add(len(subs))
	for _, s := range subs {
		b.enqueue(ctx, &delivery{sub: s, msg: msg})
	}
	return true
}
