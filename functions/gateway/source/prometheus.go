package source

import (
	"errors"
	"time"

	"kubernaut.ai/shared/signal"
)

// webhookVersion is the only version of Alertmanager's webhook there has been
// since 2017.
const webhookVersion = "4"

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
		return r.object(func(key string) error { return w.member(r, key) })
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

func (w *webhook) member(r *reader, key string) (err error) {
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
			var a posted
			if err := r.object(func(key string) error { return a.member(r, key) }); err != nil {
				return err
			}
			w.batch.Items = append(w.batch.Items, a.item())
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
func (p *posted) item() Item {
	out := Item{Alert: p.alert}
	var startsErr, endsErr error
	if p.starts != "" {
		out.Alert.StartsAt, startsErr = time.Parse(time.RFC3339Nano, p.starts)
	}
	if p.ends != "" {
		out.Alert.EndsAt, endsErr = time.Parse(time.RFC3339Nano, p.ends)
	}
	out.Alert.StartsAt = out.Alert.StartsAt.UTC()
	out.Alert.ID = signal.AlertID(p.fingerprint, p.alert.Labels)
	switch p.status {
	case "firing":
	case "resolved":
		out.Alert.Resolved = true
	default:
		out.Invalid = ReasonBadStatus
	}
	if out.Invalid == "" && (startsErr != nil || endsErr != nil) {
		out.Invalid = ReasonBadTime
	}
	if out.Invalid == "" {
		out.Invalid = malformed(out.Alert)
	}
	return out
}
