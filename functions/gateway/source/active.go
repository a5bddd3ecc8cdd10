package source

import (
	"time"

	"kubernaut.ai/shared/signal"
)

// Active reads what an Alertmanager answers when it is asked which alerts
// fire: its own fingerprints, so that an alert is the same one by whichever
// way it comes. What Flux said is read as in the webhook. What is more than
// MaxAlerts, or than MaxMembers allow, is counted as left out: no Alertmanager
// can be told to send less, and its answer is longest when most is wrong. Now
// is when it answered.
func Active(body []byte, now time.Time) (Batch, error) {
	var b Batch
	held := 0 // members of the alerts that are taken
	err := document(body, func(r *reader) error {
		return r.array(func() error {
			r.members = 0 // those of each alert count for themselves
			if len(b.Items) == MaxAlerts || held > MaxMembers {
				b.Truncated++
				return r.skip()
			}
			var a active
			if err := r.object(func(key string) error { return a.member(r, key) }); err != nil {
				return err
			}
			held += r.members
			b.Items = append(b.Items, a.item(now))
			return nil
		})
	})
	if err != nil {
		return Batch{}, failure("read active alerts of Alertmanager", err)
	}
	leaveRecovered(b.Items)
	return b, nil
}

// active is one alert of the answer.
type active struct {
	alert               signal.Alert
	starts, fingerprint string
}

func (a *active) member(r *reader, key string) (err error) {
	switch key {
	case "labels":
		a.alert.Labels, err = r.texts()
	case "annotations":
		a.alert.Annotations, err = r.texts()
	case "startsAt":
		a.starts, err = r.text()
	case "generatorURL":
		a.alert.GeneratorURL, err = r.text()
	case "fingerprint":
		a.fingerprint, err = r.text()
	default:
		err = r.skip()
	}
	return err
}

func (a *active) item(now time.Time) Item {
	out := Item{Alert: a.alert}
	starts, err := time.Parse(time.RFC3339Nano, a.starts)
	if err != nil && a.starts != "" {
		out.Invalid = ReasonBadTime
	}
	out.Alert.StartsAt = starts.UTC()
	said := posted{labels: a.alert.Labels, annotations: a.alert.Annotations, starts: out.Alert.StartsAt, badTime: out.Invalid != ""}
	if n, ok := fluxNotice(&said, now); ok {
		return n.routed(statusFiring)
	}
	out.Alert.ID = signal.AlertID(a.fingerprint, a.alert.Labels)
	if out.Invalid == "" {
		out.Invalid = malformed(out.Alert)
	}
	return out
}
