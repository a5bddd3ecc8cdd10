package stage

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"

	"kubernaut.ai/shared/event"
)

// Input is one verified event, decoded for the domain.
type Input[T any] struct {
	Data T
	// Document is the event's data with every section as it came, those that
	// T does not know included.
	Document event.Document
	// ID, Type and Time are the event's; Remediation its correlation id.
	ID, Type, Remediation string
	Time                  time.Time
	// Stage is the stage that sealed the event.
	Stage string
	// Event is the event itself, for stages that park or store it whole.
	Event cloudevents.Event
}

// Reply is what a domain function answers: one event, or nothing.
type Reply struct {
	// Type is the reply's type; empty means that there is no event to send.
	Type     string
	Sections []event.Section
	// Within bounds the time until the next event of this remediation; zero
	// takes the stage's setting.
	Within time.Duration
	// Detached replies do not move the claim: an undo may follow long after
	// its remediation has settled.
	Detached bool
	// Reason names why there is no event, for the log and the metrics.
	Reason string
	// Before runs with the sealed event before it is let go and before the
	// inbox keeps it: for what must be in place when the event is seen. It may
	// run twice.
	Before func(context.Context, cloudevents.Event) error
}

// Emit replies with the input's document and these sections set on it.
func Emit(eventType string, sections ...event.Section) Reply {
	return Reply{Type: eventType, Sections: sections}
}

// Ended replies with an event that ends the remediation.
func Ended(eventType string, end event.End, sections ...event.Section) Reply {
	return Reply{Type: eventType, Sections: append(sections, event.Section{Name: event.SectionEnd, Value: end})}
}

// Nothing replies with no event, for a named reason.
func Nothing(reason string) Reply { return Reply{Reason: reason} }

// Routes tells what a stage does with each type that it takes.
type Routes map[string]Route

// Only are the routes of these types.
func (r Routes) Only(types ...string) Routes {
	out := make(Routes, len(types))
	for _, t := range types {
		if route, ok := r[t]; ok {
			out[t] = route
		}
	}
	return out
}

// Route handles the events of one type.
type Route func(ctx context.Context, in Input[json.RawMessage]) (Reply, error)

// On makes a route of a domain function by decoding its input.
func On[T any](handle func(context.Context, Input[T]) (Reply, error)) Route {
	return func(ctx context.Context, raw Input[json.RawMessage]) (Reply, error) {
		in := Input[T]{Document: raw.Document, ID: raw.ID, Type: raw.Type,
			Remediation: raw.Remediation, Time: raw.Time, Stage: raw.Stage, Event: raw.Event}
		if err := json.Unmarshal(raw.Data, &in.Data); err != nil {
			return Reply{}, Permanent(ReasonMalformed, fmt.Errorf("decode %s: %w", raw.Type, err))
		}
		return handle(ctx, in)
	}
}
