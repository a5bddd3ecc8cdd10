package function

import (
	"errors"
	"time"

	"kubernaut.ai/shared/signal"
)

// webhookVersion is the only version of Alertmanager's webhook there has been
// since 2017.
const webhookVersion = "4"

// MaxAlerts bounds the alerts of one request. Alertmanager's max_alerts keeps
// a group below it.
const MaxAlerts = 2000

var (
	errTooManyAlerts = errors.New("more alerts than one request may bring")
	errNoAlerts      = errors.New("no alerts in it")
	errVersion       = errors.New("not version 4 of the webhook")
)

// prometheus reads Alertmanager's webhook. Fields that it does not know are
// passed over: newer Alertmanagers send some.
type prometheus struct{}

func (prometheus) name() string { return "prometheus" }
func (prometheus) path() string { return "/api/v1/signals/prometheus" }

func (p prometheus) read(body []byte) (batch, error) {
	w := webhook{batch: batch{source: p.name()}}
	err := document(body, func(r *reader) error {
		return r.object(func(key string) error { return w.member(r, key) })
	})
	if err == nil && w.version != "" && w.version != webhookVersion {
		err = errVersion
	}
	if err == nil && len(w.batch.items) == 0 {
		err = errNoAlerts
	}
	if err != nil {
		return batch{}, sourceError("read Alertmanager webhook", err)
	}
	for i := range w.batch.items {
		w.batch.items[i].alert.Receiver, w.batch.items[i].alert.Group = w.receiver, w.group
	}
	return w.batch, nil
}

// webhook is a body on its way in.
type webhook struct {
	batch                    batch
	version, receiver, group string
}

func (w *webhook) member(r *reader, key string) (err error) {
	switch key {
	case "version":
		w.version, err = r.text()
	case "receiver":
		w.receiver, err = r.text()
	case "groupKey":
		w.group, err = r.text()
	case "truncatedAlerts":
		w.batch.truncated, err = r.count()
	case "alerts":
		err = r.array(func() error {
			if len(w.batch.items) == MaxAlerts {
				return errTooManyAlerts
			}
			var a posted
			if err := r.object(func(key string) error { return a.member(r, key) }); err != nil {
				return err
			}
			w.batch.items = append(w.batch.items, a.item())
			return nil
		})
	default:
		err = r.skip()
	}
	return err
}

// posted is one alert of a body, as it came.
type posted struct {
	alert                             signal.Alert
	status, starts, ends, fingerprint string
}

func (p *posted) member(r *reader, key string) (err error) {
	switch key {
	case "status":
		p.status, err = r.text()
	case "labels":
		p.alert.Labels, err = r.texts()
	case "annotations":
		p.alert.Annotations, err = r.texts()
	case "startsAt":
		p.starts, err = r.text()
	case "endsAt":
		p.ends, err = r.text()
	case "generatorURL":
		p.alert.GeneratorURL, err = r.text()
	case "fingerprint":
		p.fingerprint, err = r.text()
	default:
		err = r.skip()
	}
	return err
}

// item judges an alert once all its members are known, in whatever order they
// came.
func (p *posted) item() item {
	out := item{alert: p.alert}
	var startsErr, endsErr error
	if p.starts != "" {
		out.alert.StartsAt, startsErr = time.Parse(time.RFC3339Nano, p.starts)
	}
	if p.ends != "" {
		out.alert.EndsAt, endsErr = time.Parse(time.RFC3339Nano, p.ends)
	}
	out.alert.StartsAt = out.alert.StartsAt.UTC()
	out.alert.ID = signal.AlertID(p.fingerprint, p.alert.Labels)
	switch p.status {
	case "firing":
	case "resolved":
		out.alert.Resolved = true
	default:
		out.invalid = ReasonBadStatus
	}
	if out.invalid == "" && (startsErr != nil || endsErr != nil) {
		out.invalid = ReasonBadTime
	}
	if out.invalid == "" {
		out.invalid = malformed(out.alert)
	}
	return out
}

// texts reads an object of strings; null is an empty one.
func (r *reader) texts() (map[string]string, error) {
	if r.null() {
		return nil, nil
	}
	out := make(map[string]string, 8)
	err := r.object(func(key string) error {
		value, err := r.text()
		out[key] = value
		return err
	})
	return out, err
}
