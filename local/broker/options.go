package broker

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"knative.dev/eventing/pkg/apis/feature"
	duckv1 "knative.dev/pkg/apis/duck/v1"
)

const (
	// DefaultClass is the Broker class that this package plays.
	DefaultClass = "MTChannelBasedBroker"
	// DefaultQueueSize bounds the deliveries that one Trigger holds: queued, under way, or waiting to retry.
	DefaultQueueSize = 8192
	// DefaultConcurrency bounds the attempts that one Trigger has under way.
	DefaultConcurrency = 32
	// DefaultMaxEventBytes bounds a request's and a reply's body.
	DefaultMaxEventBytes = 1 << 20
	// MaxAttempt ends an attempt whose delivery spec sets no timeout.
	MaxAttempt = 10 * time.Minute
	// InitialTTL is how often an event may be answered through the Broker; Knative's default.
	InitialTTL = 255
	// RetryAfter is what a 503 of the ingress tells its client.
	RetryAfter = time.Second
	// maxBackoff keeps an exponential backoff from overflowing.
	maxBackoff = 24 * time.Hour
)

// Options configure a Broker. Manifests and Resolve are required.
type Options struct {
	// Manifests are files, or directories whose *.yaml and *.yml files are read (not their subdirectories).
	Manifests []string
	// Resolve turns a reference (a Knative Service, as a rule) into the absolute URL of whoever plays it
	// here. It is called by New only; false refuses the manifest. A destination with an absolute URI needs
	// no resolving.
	Resolve func(ref duckv1.KReference) (url string, ok bool)
	// Class is the Broker class to play; Brokers of other classes and their Triggers' declarations are
	// left alone, as Knative's controllers do. Default DefaultClass.
	Class string
	// Features are Knative's config-features; nil is what a fresh install has.
	Features feature.Flags

	// QueueSize, Concurrency and MaxEventBytes default to the constants of like names.
	QueueSize     int
	Concurrency   int
	MaxEventBytes int64

	// BackoffScale multiplies every wait before a retry, Retry-After included. 0 means 1.
	BackoffScale float64
	// PingEvery, if not zero, replaces every PingSource's schedule.
	PingEvery time.Duration
	// Chaos, if not nil, makes deliveries misbehave.
	Chaos *Chaos
	// Observer is told what becomes of each delivery.
	Observer Observer

	// Transport performs the deliveries; nil is a keep-alive transport sized by Concurrency.
	Transport http.RoundTripper
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// After calls f once d has passed, on a goroutine of its own, unless stop was called; nil is
	// time.AfterFunc. f never blocks for long.
	After func(d time.Duration, f func()) (stop func() bool)
}

// withDefaults returns o with the zero values replaced, or what is wrong with it.
func (o Options) withDefaults() (Options, error) {
	var errs []error
	check := func(ok bool, msg string) {
		if !ok {
			errs = append(errs, errors.New(msg))
		}
	}
	check(len(o.Manifests) > 0, "Manifests is empty")
	check(o.Resolve != nil, "Resolve is nil")
	check(o.QueueSize >= 0, "QueueSize is negative")
	check(o.Concurrency >= 0, "Concurrency is negative")
	check(o.MaxEventBytes >= 0, "MaxEventBytes is negative")
	check(o.BackoffScale >= 0, "BackoffScale is negative")
	check(o.PingEvery >= 0, "PingEvery is negative")
	errs = append(errs, o.Chaos.validate())
	if err := errors.Join(errs...); err != nil {
		return o, fmt.Errorf("check broker options: %w", err)
	}
	return o.filled()
}

// filled replaces zero values by defaults.
func (o Options) filled() (Options, error) {
	o.Class = orDefault(o.Class, DefaultClass)
	o.QueueSize = orDefault(o.QueueSize, DefaultQueueSize)
	o.Concurrency = orDefault(o.Concurrency, DefaultConcurrency)
	o.MaxEventBytes = orDefault(o.MaxEventBytes, DefaultMaxEventBytes)
	o.BackoffScale = orDefault(o.BackoffScale, 1)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.After == nil {
		o.After = func(d time.Duration, f func()) func() bool { return time.AfterFunc(d, f).Stop }
	}
	if o.Transport == nil {
		o.Transport = newTransport(o.Concurrency)
	}
	if o.Features == nil {
		flags, err := feature.NewFlagsConfigFromMap(map[string]string{})
		if err != nil {
			return o, fmt.Errorf("read feature defaults: %w", err)
		}
		o.Features = flags
	}
	return o, nil
}

func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

// newTransport keeps enough idle connections that a busy Trigger never dials anew.
func newTransport(perHost int) *http.Transport {
	const idleFor = 90 * time.Second
	return &http.Transport{
		MaxIdleConnsPerHost: perHost,
		IdleConnTimeout:     idleFor,
		DisableCompression:  true,
	}
}
