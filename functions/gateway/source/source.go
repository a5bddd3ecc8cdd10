package source

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"kubernaut.ai/shared/signal"
)

// MediaJSON is what most senders send.
const MediaJSON = "application/json"

// Source understands one kind of sender.
type Source interface {
	// Name is what events say the signal came from.
	Name() string
	// Paths are where the sender posts to, as patterns of http.ServeMux without
	// a method or host. A path without a slash at its end is served with one
	// too.
	Paths() []string
	// MediaTypes are the content types that Read understands; all of them in
	// UTF-8, without a content encoding.
	MediaTypes() []string
	// Reply is how the sender wants success answered.
	Reply() Reply
	// Read understands a request, or fails for what can never be understood:
	// ErrTooMany for one that brings too much.
	Read(r Request) (Batch, error)
}

// Request is what there is to read of a request.
type Request struct {
	Header http.Header
	// PathValue is the part of the path that a wildcard of the pattern met,
	// empty where there is none.
	PathValue func(name string) string
	Body      []byte
	// Now is when the request was received.
	Now time.Time
}

// Reply is how success is answered. What is refused, and what is to be posted
// again, is an RFC 7807 problem for every sender.
type Reply int

const (
	// Report tells in JSON what became of each alert: 201, 202, 200, or 207 for
	// several.
	Report Reply = iota
	// Empty is 200 without a body, for senders that take any other for a
	// failure. As it says nothing of single alerts, one that is malformed makes
	// the answer 400, though the others were taken.
	Empty
)

// Batch is what one request brought.
type Batch struct {
	// Source is the Name of the source that read it.
	Source string
	Items  []Item
	// Truncated counts alerts that the sender left out.
	Truncated int
}

// Item is one alert of a request, or why it is none.
type Item struct {
	Alert signal.Alert
	// Invalid is a named reason; empty for an alert that is well formed.
	Invalid string
	// Ignored is the named reason for which a well formed alert opens nothing,
	// by what only its source knows of it; empty for most.
	Ignored string
	// Telling is what its times mean.
	Telling Telling
}

// Telling is what an alert's times mean.
type Telling int

const (
	// Began is of most alerts: StartsAt is when the alert began, and so each
	// episode's own.
	Began Telling = iota
	// Reported is of senders who report a failure that lasts again and again, and
	// that it is well: StartsAt, and EndsAt of one that is resolved, are when this
	// report was made.
	Reported
	// Stands is as Reported, of somebody who looked, or passes on what he has: it
	// still stands now, however old the report is.
	Stands
)

// ErrTooMany is of requests that bring more alerts than MaxAlerts.
var ErrTooMany = errors.New("more alerts than one request may bring")

var errNoAlerts = errors.New("no alerts in it")

// failure says what is wrong with a whole body.
func failure(what string, err error) error { return fmt.Errorf("%s: %w", what, err) }
