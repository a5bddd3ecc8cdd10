package source

import (
	"time"

	"kubernaut.ai/shared/signal"
)

// posted is one alert as Prometheus and Alertmanager write it.
type posted struct {
	status, fingerprint, generatorURL string
	labels, annotations               map[string]string
	// starts and ends are zero where there is no such member, or its value is
	// the zero time.
	starts, ends time.Time
	badTime      bool
}

func (p *posted) read(r *reader) error {
	return r.object(func(key string) error { return p.member(r, key) })
}

func (p *posted) member(r *reader, key string) (err error) {
	switch key {
	case "status":
		p.status, err = r.text()
	case "labels":
		p.labels, err = r.texts()
	case "annotations":
		p.annotations, err = r.texts()
	case "startsAt":
		p.starts, err = p.time(r)
	case "endsAt":
		p.ends, err = p.time(r)
	case "generatorURL":
		p.generatorURL, err = r.text()
	case "fingerprint":
		p.fingerprint, err = r.text()
	default:
		err = r.skip()
	}
	return err
}

// time reads a time; what is none costs this alert and no other.
func (p *posted) time(r *reader) (time.Time, error) {
	t, ok, err := r.time()
	p.badTime = p.badTime || !ok
	return t, err
}

// item is the alert without what its source has to judge.
func (p *posted) item(id string) Item {
	out := Item{Alert: signal.Alert{ID: id, Labels: p.labels, Annotations: p.annotations, GeneratorURL: p.generatorURL}}
	if p.badTime {
		out.Invalid = ReasonBadTime
	}
	return out
}
