package function

import (
	"context"
	"strconv"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/signal"
)

// topic is what signal.joined tells of once: an alert name of a remediation.
type topic struct{ remediation, name string }

// news are the alerts of one topic that joined without anybody having been
// told of such.
type news struct {
	// loudest is the most urgent of them, of which is told.
	loudest *work
	before  int
	all     []*work
	told    bool
}

// tell passes on as evidence what joined remediations that are under way: the
// first alert of each name, and then the more urgent. What was told is noted
// after it was published: dying in between publishes the same event id again.
// Where the minute's events are spent, the alert's next arrival tells.
func (g *gateway) tell(ctx context.Context, all []*news) {
	concurrently(all, func(n *news) {
		if !g.suppressed.room(n.loudest.received) {
			return
		}
		if _, err := g.outbox.Send(ctx, n.draft()); err != nil {
			n.fail(ReasonNotPublished, err)
			return
		}
		n.told = true
	})
	var told []ledger.Alert
	for _, n := range all {
		if n.told {
			told = append(told, n.loudest.joining(n.loudest.claim.Remediation))
		}
	}
	if len(told) == 0 {
		return
	}
	err := g.claims.ToldMany(ctx, told)
	for _, n := range all {
		if n.told && err != nil {
			n.fail(ReasonLedgerDown, err)
		}
	}
}

// fail lets the sender post all alerts of the topic again.
func (n *news) fail(reason string, err error) {
	n.told = false
	for _, w := range n.all {
		w.result.retry(reason, err)
	}
}

// gather sorts what nobody was told of by topic.
func gather(all []*work, joins []ledger.Join) []*news {
	known := map[topic]*news{}
	var out []*news
	for i, w := range all {
		if !joins[i].Untold || w.outcome == ledger.CoolingDown {
			continue
		}
		t := topic{w.claim.Remediation, w.alert.Name()}
		n := known[t]
		if n == nil {
			n = &news{loudest: w, before: joins[i].Before}
			known[t] = n
			out = append(out, n)
		}
		if w.urgency() > n.loudest.urgency() {
			n.loudest = w
		}
		n.all = append(n.all, w)
	}
	return out
}

func (w *work) severity() string { return signal.Severity(w.alert.Labels[signal.LabelSeverity]) }

func (w *work) urgency() int { return signal.Urgency(w.severity()) }

// draft has an id by remediation, name and urgency: whoever publishes it
// again mints no second one.
func (n *news) draft() event.Draft {
	w := n.loudest
	joining := event.Joining{Reason: event.JoiningAnother}
	if n.before >= 0 {
		joining = event.Joining{Reason: event.JoiningMoreSevere, Before: signal.SeverityOf(n.before)}
	}
	r := event.Remediation{ID: w.claim.Remediation, Fingerprint: w.fingerprint, OpenedAt: w.claim.FirstSeen}
	return event.Draft{
		Type:   event.SignalJoined,
		Cause:  r.ID + "|" + strconv.Itoa(w.urgency()) + "|" + w.alert.Name(),
		Target: w.target, Correlation: r.ID, Fingerprint: r.Fingerprint, Now: w.received,
		Sections: []event.Section{
			{Name: event.SectionRemediation, Value: r},
			{Name: event.SectionSignal, Value: w.signal()},
			{Name: event.SectionJoining, Value: joining},
		},
	}
}
