package source

import (
	"time"

	"kubernaut.ai/shared/signal"
)

// MaxAlerts bounds the alerts of one request. Alertmanager's max_alerts keeps
// a group below it.
const MaxAlerts = 2000

// MaxMembers bounds the members of all objects of one body, which cost much more
// memory than the bytes they take: 2000 alerts of some 60 members each. Of an
// Alertmanager's answer to a scan it bounds those of one alert, and ends what is
// taken (see Active).
const MaxMembers = 128 << 10

// MaxExpiry bounds how long an alert fires that nobody posts again, whatever it
// says: senders repeat themselves every few minutes.
const MaxExpiry = 24 * time.Hour

// MaxSilence is how long what is Reported fails without being reported again,
// unless it is said to be well: Flux reports each try that fails.
const MaxSilence = 24 * time.Hour

// MaxAhead is how far clocks may differ. An event's time that is later says
// nothing: whoever may write events chooses it.
const MaxAhead = 30 * time.Second

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

// judged is the item with the reason for which it is none, unless there was
// one before.
func (i Item) judged() Item {
	if i.Invalid == "" {
		i.Invalid = malformed(i.Alert)
	}
	return i
}

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
