package source

import (
	"errors"
	"time"

	"kubernaut.ai/shared/signal"
)

// webhookVersion is the only version of Alertmanager's webhook there has been
// since 2017.
const webhookVersion = "4"

// Statuses of an alert in Alertmanager's webhook.
const (
	statusFiring   = "firing"
	statusResolved = "resolved"
)

var errVersion = errors.New("not version 4 of the webhook")

func init() { Register(openPrometheus) }

// prometheus reads Alertmanager's webhook. Fields that it does not know are
// passed over: newer Alertmanagers send some.
type prometheus struct{}

func openPrometheus(Settings) (Source, error) { return prometheus{}, nil }

func (prometheus) Name() string         { return "prometheus" }
func (prometheus) Paths() []string      { return []string{"/api/v1/signals/prometheus"} }
func (prometheus) MediaTypes() []string { return []string{MediaJSON} }
func (prometheus) Reply() Reply         { return Report }

// Read reads version 4 of the webhook.
func (prometheus) Read(in Request) (Batch, error) {
	var w webhook
	err := document(in.Body, func(r *reader) error {
		return r.object(func(key string) error { return w.member(r, key, in.Now) })
	})
	if err == nil && w.version != "" && w.version != webhookVersion {
		err = errVersion
	}
	if err == nil && len(w.batch.Items) == 0 {
		err = errNoAlerts
	}
	if err != nil {
		return Batch{}, failure("read Alertmanager webhook", err)
	}
	leaveRecovered(w.batch.Items)
	for i := range w.batch.Items {
		w.batch.Items[i].Alert.Receiver, w.batch.Items[i].Alert.Group = w.receiver, w.group
	}
	return w.batch, nil
}

// webhook is a body on its way in.
type webhook struct {
	batch                    Batch
	version, receiver, group string
}

func (w *webhook) member(r *reader, key string, now time.Time) (err error) {
	switch key {
	case "version":
		w.version, err = r.text()
	case "receiver":
		w.receiver, err = r.text()
	case "groupKey":
		w.group, err = r.text()
	case "truncatedAlerts":
		w.batch.Truncated, err = r.count()
	case "alerts":
		err = r.array(func() error {
			if len(w.batch.Items) == MaxAlerts {
				return ErrTooMany
			}
			var p posted
			if err := p.read(r); err != nil {
				return err
			}
			w.batch.Items = append(w.batch.Items, p.routed(now))
			return nil
		})
	default:
		err = r.skip()
	}
	return err
}

// routed is an alert as an Alertmanager routed it: its status says whether it
// fires.
func (p *posted) routed(now time.Time) Item {
	if n, ok := fluxNotice(p, now); ok {
		return n.routed(p.status)
	}
	out := p.item(signal.AlertID(p.fingerprint, p.labels))
	out.Alert.StartsAt, out.Alert.EndsAt = p.starts, p.ends
	switch p.status {
	case statusFiring:
	case statusResolved:
		out.Alert.Resolved = true
	default:
		out.Invalid = ReasonBadStatus
	}
	return out.judged()
}
