// Package historytest is the one suite that every history store passes.
//
//	func TestStore(t *testing.T) {
//		historytest.Run(t, func(t *testing.T) history.Store { return openEmpty(t) })
//	}
package historytest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/history"
)

// Start is when the first event of each test happens.
var Start = time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)

// Run runs the suite; open returns an empty store that it closes at the end
// of the test.
func Run(t *testing.T, open func(t *testing.T) history.Store) {
	for name, test := range map[string]func(*testing.T, history.Store){
		"an entry comes back as it went in":                        comesBack,
		"an entry that comes twice is kept once":                   keptOnce,
		"a batch with an invalid entry stores nothing":             allOrNone,
		"many writers at once lose nothing":                        manyWriters,
		"a timeline is in order whatever the order of arrival":     anyOrder,
		"a remediation is summed up whatever the order of arrival": summedUp,
		"what is not known is not found":                           notFound,
		"the last event of given types is found":                   lastOfTypes,
		"a timeline of given types has no others":                  timelineOfTypes,
		"a timeline that is too long loses the oldest duplicates":  timelineTooLong,
		"remediations are listed newest first, page by page":       pages,
		"remediations are filtered":                                filtered,
		"the namespaces of remediations are listed":                namespaces,
		"events are found by their ids":                            byID,
		"live remediations are those without an end":               live,
		"the last verdict of a step counts":                        effectiveness,
		"what is old goes, remediations that have not ended stay":  pruned,
		"more than one batch goes, and appends go on meanwhile":    prunedInBatches,
		"one remediation is forgotten, nothing else":               forgotten,
		"what comes late about a forgotten one is forgotten, too":  staysForgotten,
		"an ended context is an error and no panic":                endedContext,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// step makes the nth event of a remediation, n seconds after its start.
func step(remediation, eventType string, n int, change ...func(*history.Entry)) history.Entry {
	entry, _ := event.Lookup(eventType)
	e := history.Entry{
		ID: remediation + "/" + event.ShortType(eventType) + "/" + string(rune('a'+n)), Type: eventType,
		Stage: entry.Producers[0], Remediation: remediation, Fingerprint: "fp-" + remediation,
		Subject: "shop/Deployment/web", Time: Start.Add(time.Duration(n) * time.Second), OpenedAt: Start,
		Alert: "KubePodCrashLooping", Kind: "Deployment", Severity: "high",
		Progress: true, Terminal: entry.Terminal,
		Event: []byte(`{"id":"` + remediation + `","type":"` + eventType + `"}`),
	}
	for _, c := range change {
		c(&e)
	}
	return e
}

func because(cause history.Entry) func(*history.Entry) {
	return func(e *history.Entry) { e.Causation = cause.ID }
}

// story is a remediation from the alert to its end.
func story(remediation string) []history.Entry {
	received := step(remediation, event.SignalReceived, 0, func(e *history.Entry) { e.Alerts = 1 })
	suppressed := step(remediation, event.SignalSuppressed, 7, func(e *history.Entry) { e.Progress, e.Alerts = false, 4 })
	proposed := step(remediation, event.RemediationProposed, 1, because(received),
		func(e *history.Entry) { e.Action, e.Step = "rollback_deployment", 1 })
	executed := step(remediation, event.RemediationExecuted, 2, because(proposed),
		func(e *history.Entry) { e.Action, e.Step, e.Outcome = "rollback_deployment", 1, "applied" })
	assessed := step(remediation, event.EffectivenessAssessed, 3, because(executed),
		func(e *history.Entry) { e.Action, e.Step, e.Outcome = "rollback_deployment", 1, event.VerdictEffective })
	closed := step(remediation, event.RemediationClosed, 4, because(assessed),
		func(e *history.Entry) { e.Outcome, e.Reason = event.OutcomeHealed, "verified" })
	return []history.Entry{received, proposed, executed, assessed, closed, suppressed}
}

func add(t *testing.T, s history.Store, entries ...history.Entry) {
	t.Helper()
	require.NoError(t, s.Append(context.Background(), entries...))
}

func ids(entries []history.Entry) []string {
	list := make([]string, len(entries))
	for i, e := range entries {
		list[i] = e.ID
	}
	return list
}

func names(remediations []history.Remediation) []string {
	list := make([]string, len(remediations))
	for i, r := range remediations {
		list[i] = r.ID
	}
	return list
}
