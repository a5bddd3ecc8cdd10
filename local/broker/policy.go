package broker

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	duckeventingv1 "knative.dev/eventing/pkg/apis/duck/v1"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/eventing/pkg/kncloudevents"
	duckv1 "knative.dev/pkg/apis/duck/v1"
)

// policy says when and how often a delivery is tried again.
type policy struct {
	config    kncloudevents.RetryConfig
	retryable func(outcome) bool
	timeout   time.Duration
	scale     float64
}

// newPolicy reads a delivery spec by Knative's own code. A nil spec means no retries, as in Knative.
func newPolicy(spec *duckeventingv1.DeliverySpec, scale float64) (policy, error) {
	p := policy{config: kncloudevents.NoRetries(), retryable: knativeRetryable, timeout: MaxAttempt, scale: scale}
	if spec == nil {
		return p, nil
	}
	if spec.Format != nil && *spec.Format != duckeventingv1.DeliveryFormatBinary {
		return p, errors.New("delivery.format: only binary is played here")
	}
	config, err := kncloudevents.RetryConfigFromDeliverySpec(*spec)
	if err != nil {
		return p, fmt.Errorf("read delivery: %w", err)
	}
	p.config = config
	if config.RequestTimeout > 0 {
		p.timeout = config.RequestTimeout
	}
	return p, nil
}

// again says whether an attempt that ended in out is followed by another, and after what wait. made counts
// the attempts so far, this one included.
func (p policy) again(made int, out outcome, now time.Time) (time.Duration, bool) {
	if made > p.config.RetryMax || !p.retryable(out) {
		return 0, false
	}
	wait := max(p.backoff(made-1), p.retryAfter(out, now))
	return time.Duration(float64(wait) * p.scale), true
}

// backoff is Knative's, held below maxBackoff.
func (p policy) backoff(retry int) time.Duration {
	first := p.config.Backoff(0, nil)
	if float64(first)*math.Exp2(float64(retry)) > float64(maxBackoff) {
		return maxBackoff
	}
	return p.config.Backoff(retry, nil)
}

// retryAfter is what the subscriber asked for, as far as retryAfterMax allows. Without retryAfterMax Knative
// ignores the header.
func (p policy) retryAfter(out outcome, now time.Time) time.Duration {
	limit := p.config.RetryAfterMaxDuration
	if limit == nil || (out.status != http.StatusTooManyRequests && out.status != http.StatusServiceUnavailable) {
		return 0
	}
	return min(parseRetryAfter(out.retryAfter, now), *limit)
}

// parseRetryAfter reads seconds or an HTTP date; anything else is 0.
func parseRetryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseInt(value, 10, 32); err == nil {
		return max(0, time.Duration(seconds)*time.Second)
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// Horizon is how long the retries of a delivery spec wait in all, timeouts not counted: how long a
// subscriber may be gone before the dead letter sink gets its events.
func Horizon(spec *duckeventingv1.DeliverySpec) (time.Duration, error) {
	p, err := newPolicy(spec, 1)
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	for retry := range p.config.RetryMax {
		sum += p.backoff(retry)
	}
	return sum, nil
}

// knativeRetryable asks Knative's SelectiveRetry.
func knativeRetryable(out outcome) bool {
	var resp *http.Response
	if !out.noAnswer {
		resp = &http.Response{StatusCode: out.status}
	}
	retry, _ := kncloudevents.SelectiveRetry(context.Background(), resp, nil) // never errs
	return retry
}

// pingRetryable is what a PingSource's CloudEvents client retries.
func pingRetryable(out outcome) bool {
	if out.noAnswer {
		return true
	}
	switch out.status {
	case http.StatusNotFound, http.StatusRequestEntityTooLarge, http.StatusTooEarly, http.StatusTooManyRequests,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// effectiveDelivery is what Knative makes of a Trigger's delivery and its Broker's: the Trigger's replaces the
// Broker's as a whole, except that the Broker's dead letter sink stays unless the Trigger names its own.
func effectiveDelivery(t *eventingv1.Trigger, b *eventingv1.Broker) (*duckeventingv1.DeliverySpec, *duckv1.Destination) {
	spec := t.Spec.Delivery
	if spec == nil {
		spec = b.Spec.Delivery
	}
	if spec != nil && spec.DeadLetterSink != nil {
		return spec, spec.DeadLetterSink
	}
	if b.Spec.Delivery != nil {
		return spec, b.Spec.Delivery.DeadLetterSink
	}
	return spec, nil
}
