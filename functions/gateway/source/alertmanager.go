package source

import (
	"fmt"
	"slices"
	"time"
)

const (
	// EnvResolveTimeout is how long an alert counts as firing after it was posted
	// last, where its sender does not say until when.
	EnvResolveTimeout = "RESOLVE_TIMEOUT"
)

// DefaultResolveTimeout is Alertmanager's.
const DefaultResolveTimeout = 5 * time.Minute

func init() { Register(openAlertmanager) }

// alertmanager is the API by which Prometheus, and whoever else takes this for
// an Alertmanager, posts alerts. Its clients post what fires every few minutes
// and say until when that holds; some of them never say that it ended.
type alertmanager struct{ timeout time.Duration }

func openAlertmanager(s Settings) (Source, error) {
	return alertmanager{timeout: s.Duration(EnvResolveTimeout, DefaultResolveTimeout)}, nil
}

func (alertmanager) Name() string         { return "alertmanager" }
func (alertmanager) Paths() []string      { return []string{"/api/v2/alerts"} }
func (alertmanager) MediaTypes() []string { return []string{MediaJSON} }
func (alertmanager) Reply() Reply         { return Empty }

// Read reads an array of alerts.
func (a alertmanager) Read(in Request) (Batch, error) {
	var b Batch
	err := document(in.Body, func(r *reader) error {
		return r.array(func() error {
			if len(b.Items) == MaxAlerts {
				return ErrTooMany
			}
			var p posted
			if err := p.read(r); err != nil {
				return err
			}
			b.Items = append(b.Items, a.item(&p, in.Now))
			return nil
		})
	})
	if err == nil && len(b.Items) == 0 {
		err = errNoAlerts
	}
	if err != nil {
		return Batch{}, failure("read alerts of the Alertmanager API", err)
	}
	return b, nil
}

// item is an alert as its times say: one whose end has come is resolved.
func (a alertmanager) item(p *posted, now time.Time) Item {
	if n, ok := fluxNotice(p, now); ok {
		return n.item()
	}
	out := p.item(fingerprint(p.labels))
	alert := &out.Alert
	alert.StartsAt = p.starts
	switch {
	case !p.ends.IsZero() && !p.starts.IsZero() && p.ends.Before(p.starts):
		out.Invalid = ReasonBadTime
	case !p.ends.IsZero() && !p.ends.After(now):
		alert.Resolved, alert.EndsAt = true, p.ends
		if p.starts.IsZero() {
			// A retry brings the same end: so it is the same resolve.
			alert.StartsAt, alert.Undated = p.ends, true
		}
		return out.judged()
	case p.ends.IsZero():
		alert.Expires = now.Add(a.timeout)
	default:
		alert.Expires = p.ends
		if latest := now.Add(MaxExpiry); latest.Before(p.ends) {
			alert.Expires = latest
		}
	}
	if p.starts.IsZero() {
		alert.StartsAt, alert.Undated = now, true
	}
	return out.judged()
}

// FNV-1a of 64 bits.
const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
	// labelEnd is no byte of any UTF-8 text.
	labelEnd = 0xFF
)

// fingerprint is the id that Alertmanager would give these labels, so that an
// alert is the same one whether it comes directly or by an Alertmanager.
// Labels without a value do not count there.
func fingerprint(labels map[string]string) string {
	names := make([]string, 0, len(labels))
	for name, value := range labels {
		if value != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	sum := uint64(fnvOffset)
	add := func(s string) {
		for i := 0; i < len(s); i++ {
			sum = (sum ^ uint64(s[i])) * fnvPrime
		}
		sum = (sum ^ labelEnd) * fnvPrime
	}
	for _, name := range names {
		add(name)
		add(labels[name])
	}
	return fmt.Sprintf("%016x", sum)
}
