package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sort"
	"strings"
	"time"
)

const (
	// MaxAlerts bounds the alerts remembered for one remediation; more are counted.
	MaxAlerts = 500
	// MaxTopics bounds the alert names that people are told of as having joined
	// one remediation; more are listed and counted.
	MaxTopics = 32
	// MaxAlertName bounds an alert's name in the list, in bytes.
	MaxAlertName = 256
	// maxUrgency is the highest that an alert's urgency goes.
	maxUrgency = 9
	// alertRetention is how long a joined alert is remembered after it last fired:
	// longer than any repeat interval and remediation.
	alertRetention = 7 * 24 * time.Hour
)

// Alert is one alert instance that joined a claim.
type Alert struct {
	// ID is the alert's own fingerprint (Alertmanager's).
	ID       string
	StartsAt time.Time
	// EndsAt is zero while it fires.
	EndsAt      time.Time
	Fingerprint string
	Remediation string
	// Name and Severity are for people; an alert without a name is no topic to
	// tell of. Urgency orders severities, the most urgent has the highest.
	Name, Severity string
	Urgency        int
	// FirstSeen, LastSeen and Times count how often it was posted (Redis' clock).
	FirstSeen, LastSeen time.Time
	Times               int64
	// Expired: it ended because nobody posted it again, and not because its
	// sender said so. That is weak evidence.
	Expired bool
}

// topic stands for the alert's name in keys: the same for equal names.
func (a Alert) topic() string {
	if a.Name == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(a.Name))
	return hex.EncodeToString(sum[:topicLength])
}

// topicLength is how many bytes of a hash tell the names within one
// remediation apart.
const topicLength = 8

// momentPrefix starts the ids of alerts that tell of a moment: nobody ever says
// that one ended, so they do not count as firing.
const momentPrefix = "moment-"

func (a Alert) momentary() bool { return strings.HasPrefix(a.ID, momentPrefix) }

// Firing says whether no resolve of this episode was seen.
func (a Alert) Firing() bool { return a.EndsAt.IsZero() }

// JoinOutcome says how an alert was remembered.
type JoinOutcome string

// What JoinAlert can answer.
const (
	Joined JoinOutcome = "joined"
	// JoinedStale: a later episode of the alert is already known; nothing changed.
	JoinedStale JoinOutcome = "stale"
	// JoinedExcess: the remediation has MaxAlerts already; it was only counted.
	JoinedExcess JoinOutcome = "excess"
)

// JoinAlert remembers that an alert fires under a remediation, and leads from
// the alert to its claim: when it resolves, its pod is usually gone. A repeated
// join of the same episode, after a resolve too, says that it fires.
func (l *Ledger) JoinAlert(ctx context.Context, a Alert) (JoinOutcome, error) {
	const op = "join alert"
	if err := validateAlert(a); err != nil {
		return "", wrap(op, err)
	}
	call := joinCall(a, joinedLater)
	reply, err := l.run(ctx, call.script, call.keys, call.args...)
	if err != nil {
		return "", wrap(op, err)
	}
	outcome := JoinOutcome(reply[0])
	if outcome != Joined {
		return outcome, nil
	}
	// A crash before this leaves the alert joined but not found by a resolve; the
	// sender got no answer and posts it again.
	_, err = l.run(ctx, scriptReverse, []string{alertKey(a.ID)},
		a.Fingerprint, a.Remediation, a.StartsAt.UnixMilli(), millis(alertRetention))
	return outcome, wrap(op, err)
}

func validateAlert(a Alert) error {
	_, err := parseRemediation(a.Remediation)
	return firstError(err, checkID("fingerprint", a.Fingerprint), checkAlertID(a.ID), checkStart(a.StartsAt), checkSeverity(a))
}

// checkSeverity keeps the separator of notes free.
func checkSeverity(a Alert) error {
	switch {
	case a.Urgency < 0 || a.Urgency > maxUrgency:
		return fmt.Errorf("%w: urgency %d is not within 0 and %d", ErrInvalid, a.Urgency, maxUrgency)
	case strings.Contains(a.Severity, noteSeparator):
		return fmt.Errorf("%w: severity holds a colon", ErrInvalid)
	case a.Severity == "":
		return nil
	}
	return checkName("severity", a.Severity)
}

// checkAlertID keeps the counters' names free.
func checkAlertID(id string) error {
	if strings.HasPrefix(id, "#") {
		return fmt.Errorf("%w: alert id begins with #", ErrInvalid)
	}
	return checkID("alert id", id)
}

func checkStart(t time.Time) error {
	if t.UnixMilli() <= 0 {
		return fmt.Errorf("%w: alert without a start", ErrInvalid)
	}
	return nil
}

// Resolution is what a resolved alert meant to the claim it had joined.
type Resolution struct {
	Fingerprint string
	Remediation string
	// StillFiring counts the remediation's other alerts that have not resolved.
	// Those beyond MaxAlerts count as firing: nobody knows.
	StillFiring int
}

// ResolveAlert marks an alert as resolved and says which claim it had joined.
// Found is false for an alert that never joined, and for a resolve of an earlier
// episode than the one that fires (an older startsAt). It does not touch the
// claim: Cancel does.
func (l *Ledger) ResolveAlert(ctx context.Context, id string, startsAt, endsAt time.Time) (r Resolution, found bool, err error) {
	return l.endAlert(ctx, "resolve alert", alertEnd{id: id, startsAt: startsAt, endsAt: endsAt})
}

// ExpireAlert marks an alert that nobody posted again as ended at that time,
// weakly. To repeat it with the same time finds it again; it is not found when
// it had ended before, otherwise, or when a later episode is known.
func (l *Ledger) ExpireAlert(ctx context.Context, id string, at time.Time) (r Resolution, found bool, err error) {
	return l.endAlert(ctx, "expire alert", alertEnd{id: id, startsAt: at, endsAt: at, mark: markExpired})
}

// alertEnd is how an alert ended.
type alertEnd struct {
	id               string
	startsAt, endsAt time.Time
	// mark is markExpired, or empty.
	mark string
}

// markExpired is the mark in an alert's note of an end by expiry.
const markExpired = "x"

func (l *Ledger) endAlert(ctx context.Context, op string, e alertEnd) (r Resolution, found bool, err error) {
	r, found, err = l.joined(ctx, e.id, e.startsAt)
	if err != nil || !found {
		return Resolution{}, false, wrap(op, err)
	}
	reply, err := l.run(ctx, scriptResolve, []string{alertsKey(r.Fingerprint, r.Remediation)},
		e.id, e.startsAt.UnixMilli(), max(e.endsAt.UnixMilli(), 0), e.mark)
	if err != nil {
		return Resolution{}, false, wrap(op, err)
	}
	if reply[0] != "resolved" {
		return Resolution{}, false, nil
	}
	r.StillFiring = int(number(reply[1]))
	return r, true, nil
}

// joined reads which claim an alert joined last; found is false for one that
// joined none, and for an earlier episode than the one that it joined with.
func (l *Ledger) joined(ctx context.Context, id string, startsAt time.Time) (r Resolution, found bool, err error) {
	if err := firstError(checkAlertID(id), checkStart(startsAt)); err != nil {
		return Resolution{}, false, err
	}
	f, err := l.redis.HMGet(ctx, alertKey(id), "f", "r", "s").Result()
	if err != nil {
		return Resolution{}, false, err
	}
	fingerprint, ok1 := f[0].(string)
	remediationID, ok2 := f[1].(string)
	known, ok3 := f[2].(string)
	if !ok1 || !ok2 || !ok3 || startsAt.UnixMilli() < number(known) {
		return Resolution{}, false, nil
	}
	return Resolution{Fingerprint: fingerprint, Remediation: remediationID}, true, nil
}

// AlertList is what joined one remediation.
type AlertList struct {
	// Alerts by start, then id.
	Alerts []Alert
	// Excess counts joins beyond MaxAlerts.
	Excess int
}

// Firing counts the alerts that have not resolved, the excess included.
func (a AlertList) Firing() int {
	n := a.Excess
	for _, alert := range a.Alerts {
		if alert.Firing() {
			n++
		}
	}
	return n
}

// Alerts lists what joined a remediation.
func (l *Ledger) Alerts(ctx context.Context, fingerprint, remediationID string) (AlertList, error) {
	const op = "list alerts"
	_, err := parseRemediation(remediationID)
	if err = firstError(err, checkID("fingerprint", fingerprint)); err != nil {
		return AlertList{}, wrap(op, err)
	}
	fields, err := l.redis.HGetAll(ctx, alertsKey(fingerprint, remediationID)).Result()
	if err != nil {
		return AlertList{}, wrap(op, err)
	}
	list := AlertList{Excess: int(number(fields["#excess"]))}
	for id, value := range fields {
		if strings.HasPrefix(id, "#") {
			continue
		}
		starts, ends, _ := strings.Cut(value, ":")
		a := Alert{ID: id, StartsAt: instant(starts), EndsAt: instant(ends), Fingerprint: fingerprint, Remediation: remediationID}
		a.note(fields[notePrefix+id])
		list.Alerts = append(list.Alerts, a)
	}
	sort.Slice(list.Alerts, func(i, j int) bool {
		a, b := list.Alerts[i], list.Alerts[j]
		if a.StartsAt.Equal(b.StartsAt) {
			return a.ID < b.ID
		}
		return a.StartsAt.Before(b.StartsAt)
	})
	return list, nil
}

// How notes are written (see scripts/alerts.lua).
const (
	notePrefix    = "#i:"
	noteSeparator = ":"
	noteFields    = 6
)

// note takes in what else is kept of an alert; older records lack it.
func (a *Alert) note(stored string) {
	f := strings.SplitN(stored, noteSeparator, noteFields)
	if len(f) != noteFields {
		return
	}
	a.FirstSeen, a.LastSeen, a.Times = instant(f[0]), instant(f[1]), number(f[2])
	a.Expired, a.Severity, a.Name = f[3] == markExpired, f[4], f[5]
}

// listed is the name as the list keeps it.
func (a Alert) listed() string { return a.Name[:min(len(a.Name), MaxAlertName)] }
