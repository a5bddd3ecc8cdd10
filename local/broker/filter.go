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

// newFilter builds a Trigger's filter by Knative's own code. Knative skips what it cannot parse, so that the
// Trigger gets more than it asked for; here that is an error. As in Knative, spec.filters overrides
// spec.filter.
func newFilter(log *zap.Logger, spec *eventingv1.TriggerSpec) (eventfilter.Filter, error) {
	var filter eventfilter.Filter
	switch {
	case len(spec.Filters) > 0:
		if err := checkFilters("filters", log, spec.Filters); err != nil {
			return nil, err
		}
		filter = subscriptionsapi.CreateSubscriptionsAPIFilters(log, spec.Filters)
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

// checkFilters refuses what MaterializeFiltersList would leave out, at any depth.
func checkFilters(path string, log *zap.Logger, filters []eventingv1.SubscriptionsAPIFilter) error {
	for i, f := range filters {
		at := fmt.Sprintf("%s[%d]", path, i)
		if err := checkFilter(at, log, f); err != nil {
			return err
		}
	}
	return nil
}

func checkFilter(path string, log *zap.Logger, f eventingv1.SubscriptionsAPIFilter) error {
	if subscriptionsapi.MaterializeSubscriptionsAPIFilter(log, f) == nil {
		return fmt.Errorf("%s: %w", path, errEmptyFilter)
	}
	if err := checkFilters(path+".all", log, f.All); err != nil {
		return err
	}
	if err := checkFilters(path+".any", log, f.Any); err != nil {
		return err
	}
	if f.Not != nil {
		return checkFilter(path+".not", log, *f.Not)
	}
	return nil
}

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
