package function

import (
	"fmt"

	"kubernaut.ai/shared/signal"
)

// source turns what one kind of sender posts into alerts. A new sender is one
// file that implements it, and one line in sources.
type source interface {
	// name is what events say the signal came from.
	name() string
	// path is where the sender posts to.
	path() string
	// read understands a body, or fails for what can never be understood.
	read(body []byte) (batch, error)
}

// sources are all senders that the gateway serves.
var sources = []source{prometheus{}}

// batch is what one request brought.
type batch struct {
	source string
	items  []item
	// truncated counts alerts that the sender left out.
	truncated int
}

// item is one alert of a request, or why it is none.
type item struct {
	alert signal.Alert
	// invalid is a named reason; empty for an alert that is well formed.
	invalid string
}

// Bounds of one alert. Labels beyond them are refused, because they decide;
// annotations, which only explain, are cut where events bound them.
const (
	MaxLabels     = 128
	MaxLabelName  = 256
	MaxLabelValue = 4 << 10
)

// Reasons for which one alert of a request is malformed.
const (
	ReasonNoLabels      = "no_labels"
	ReasonNoAlertName   = "no_alertname"
	ReasonNoStart       = "no_starts_at"
	ReasonBadTime       = "invalid_time"
	ReasonBadStatus     = "invalid_status"
	ReasonTooManyLabels = "too_many_labels"
	ReasonLabelTooLong  = "label_too_long"
)

// malformed names the reason for which an alert is refused, if there is one.
func malformed(a signal.Alert) string {
	switch {
	case len(a.Labels) == 0:
		return ReasonNoLabels
	case a.Name() == "":
		return ReasonNoAlertName
	case len(a.Labels) > MaxLabels:
		return ReasonTooManyLabels
	case a.StartsAt.IsZero() || a.StartsAt.UnixMilli() <= 0:
		return ReasonNoStart
	}
	for name, value := range a.Labels {
		if name == "" || len(name) > MaxLabelName || len(value) > MaxLabelValue {
			return ReasonLabelTooLong
		}
	}
	return ""
}

// sourceError says what is wrong with a whole body.
func sourceError(what string, err error) error { return fmt.Errorf("%s: %w", what, err) }
