package scan

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"kubernaut.ai/functions/gateway/source"
	"kubernaut.ai/shared/cluster"
)

// suffix ends the source of what a scan found. No sender's source is called so.
const suffix = "-scan"

// ReasonCut is of what one scan found beyond its bound.
const ReasonCut = "scan_cut"

// Made tells whether it was a scan that found what comes from this source, and
// not its sender that posted it.
func Made(source string) bool { return strings.HasSuffix(source, suffix) }

// Scan finds alerts that fire now, or that came since the last time.
type Scan struct {
	Name string
	Find func(ctx context.Context) (Found, error)
}

// Found is what a scan found.
type Found struct {
	// Batches are as the senders would have posted them.
	Batches []source.Batch
	// Accepted is to be called once all of them were accepted, and not before;
	// nil where the scan has nothing to remember.
	Accepted func(ctx context.Context) error
}

// Options say which scans are made, and of what. The settings that their errors
// name are the gateway's.
type Options struct {
	// Events and Flux turn these scans on.
	Events, Flux bool
	// Receiver is the one whose alerts are looked for, as Alertmanager's
	// configuration names it; empty looks for none. Alertmanager is its URL.
	Receiver, Alertmanager string
	// EventMaxAge is how long after its last occurrence an event counts.
	EventMaxAge time.Duration
	// Sources read what is found.
	Sources  []source.Source
	Cluster  Cluster
	Marks    Marks
	Failures Failures
	Now      func() time.Time
	// Drop counts and logs what is left out.
	Drop func(ctx context.Context, reason, detail string)
}

// Cluster is what scans ask the API server.
type Cluster interface {
	Warnings(ctx context.Context, in cluster.Window) (found []corev1.Event, more bool, err error)
	Readiness(ctx context.Context, kind string) (found []cluster.Readiness, more bool, err error)
}

// Marks remember how far a scan has come.
type Marks interface {
	Mark(ctx context.Context, scan string) (time.Time, error)
	SetMark(ctx context.Context, scan string, at time.Time) error
}

// Failures know which alerts are reported to fail, and were not told to be well.
type Failures interface {
	Failing(ctx context.Context, alerts []string) ([]bool, error)
}

// Open makes the scans that are turned on.
func Open(o Options) ([]Scan, error) {
	var out []Scan
	var errs []error
	for _, open := range []func(Options) (Scan, bool, error){openEvents, openFlux, openAlertmanager} {
		one, on, err := open(o)
		if on && err == nil {
			out = append(out, one)
		}
		errs = append(errs, err)
	}
	return out, errors.Join(errs...)
}

// sourceAt is the source that reads what is posted to a path, for a scan that
// the setting turned on.
func (o Options) sourceAt(path, setting string) (source.Source, error) {
	for _, one := range o.Sources {
		if slices.Contains(one.Paths(), path) {
			return one, nil
		}
	}
	return nil, fmt.Errorf("setting %s: this gateway has no source at %s that could read what is found; unset it", setting, path)
}

// posting is the request in which a sender would have posted the body.
func (o Options) posting(body []byte) source.Request {
	return source.Request{Header: http.Header{}, PathValue: func(string) string { return "" }, Body: body, Now: o.Now()}
}

// batches are what one source read of what a scan found.
func batches(by string, items []source.Item) []source.Batch {
	var out []source.Batch
	for chunk := range slices.Chunk(items, source.MaxAlerts) {
		out = append(out, source.Batch{Source: by + suffix, Items: chunk})
	}
	return out
}
