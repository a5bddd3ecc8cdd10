package broker

import (
	"context"
	"errors"
	"fmt"

	"github.com/cloudevents/sdk-go/v2/event"
	"go.uber.org/zap"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"knative.dev/eventing/pkg/eventfilter"
	"knative.dev/eventing/pkg/eventfilter/attributes"
	"knative.dev/eventing/pkg/eventfilter/subscriptionsapi"
)

var (
	errNoFilter    = errors.New("no filter: a Trigger that takes everything receives its own replies")
	errEmptyFilter = errors.New("empty filter, or one without a dialect that Knative knows")
)

// newFilter builds a Trigger's filter. Knative skips what it cannot parse, so that the Trigger gets more than it
// asked for; here that is an error. As in Knative, spec.filters overrides spec.filter.
func newFilter(log *zap.Logger, spec *eventingv1.TriggerSpec) (eventfilter.Filter, error) {
	var filter eventfilter.Filter
	switch {
	case len(spec.Filters) > 0:
		list, err := buildFilters("filters", log, spec.Filters)
		if err != nil {
			return nil, err
		}
		filter = allOf(list)
	case spec.Filter != nil && len(spec.Filter.Attributes) > 0:
		filter = attributes.NewAttributesFilter(spec.Filter.Attributes)
	default:
		return nil, errNoFilter
	}
	// A CESQL expression that yields no boolean panics in Knative's filter: find out now.
	if _, err := matches(context.Background(), filter, probeEvent()); err != nil {
		return nil, err
	}
	return filter, nil
}

func buildFilters(path string, log *zap.Logger, filters []eventingv1.SubscriptionsAPIFilter) ([]eventfilter.Filter, error) {
	out := make([]eventfilter.Filter, 0, len(filters))
	for i, f := range filters {
		built, err := buildFilter(fmt.Sprintf("%s[%d]", path, i), log, f)
		if err != nil {
			return nil, err
		}
		out = append(out, built)
	}
	return out, nil
}

// buildFilter makes every dialect that looks at an event by Knative's own code. Knative's All and Any only add an
// order that adapts to traffic, with a goroutine each that races with the evaluation; allOf and anyOf do without.
func buildFilter(path string, log *zap.Logger, f eventingv1.SubscriptionsAPIFilter) (eventfilter.Filter, error) {
	switch {
	case len(f.All) > 0:
		list, err := buildFilters(path+".all", log, f.All)
		return allOf(list), err
	case len(f.Any) > 0:
		list, err := buildFilters(path+".any", log, f.Any)
		return anyOf(list), err
	case f.Not != nil:
		inner, err := buildFilter(path+".not", log, *f.Not)
		return subscriptionsapi.NewNotFilter(inner), err
	}
	built := subscriptionsapi.MaterializeSubscriptionsAPIFilter(log, f)
	if built == nil {
		return nil, fmt.Errorf("%s: %w", path, errEmptyFilter)
	}
	return built, nil
}

// allOf passes what every filter passes.
type allOf []eventfilter.Filter

// Filter implements eventfilter.Filter.
func (a allOf) Filter(ctx context.Context, ev event.Event) eventfilter.FilterResult {
	for _, f := range a {
		if f.Filter(ctx, ev) == eventfilter.FailFilter {
			return eventfilter.FailFilter
		}
	}
	return eventfilter.PassFilter
}

// Cleanup implements eventfilter.Filter.
func (allOf) Cleanup() {}

// anyOf passes what one of its filters passes.
type anyOf []eventfilter.Filter

// Filter implements eventfilter.Filter.
func (a anyOf) Filter(ctx context.Context, ev event.Event) eventfilter.FilterResult {
	for _, f := range a {
		if f.Filter(ctx, ev) != eventfilter.FailFilter {
			return eventfilter.PassFilter
		}
	}
	return eventfilter.FailFilter
}

// Cleanup implements eventfilter.Filter.
func (anyOf) Cleanup() {}

// matches evaluates a filter; a panic inside is an error, not the end of the Broker.
func matches(ctx context.Context, filter eventfilter.Filter, ev event.Event) (ok bool, err error) {
	defer func() {
		if r := recover(); r != nil {
			ok, err = false, fmt.Errorf("evaluate filter: %v", r)
		}
	}()
	return filter.Filter(ctx, ev) != eventfilter.FailFilter, nil
}

// probeEvent has every context attribute, so that an expression on any of them is evaluated.
func probeEvent() event.Event {
	ev := event.New()
	ev.SetID("probe")
	ev.SetType("probe")
	ev.SetSource("probe")
	ev.SetSubject("probe")
	return ev
}
