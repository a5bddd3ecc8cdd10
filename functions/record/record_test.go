package function

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/history"
	"kubernaut.ai/shared/stage"
)

var opened = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)

// seed is a key for one stage of one test.
func seed(stage string) []byte {
	sum := sha256.Sum256([]byte("record test " + stage))
	return sum[:]
}

func sealingKey(t *testing.T, stage string) event.SealingKey {
	key, err := event.NewSealingKey(seed(stage))
	require.NoError(t, err)
	return key
}

func settings(t *testing.T, url string) map[string]string {
	ring := ""
	for _, s := range []string{event.StageGateway, event.StageEnrich, event.StageAuthorize, event.StageExecute, event.StageAssess, event.StageApprove, event.StageAnalyze, event.StageClassify, event.StageDeadletter} {
		ring += s + " " + sealingKey(t, s).Public() + "\n"
	}
	return map[string]string{
		stage.EnvSealPrivate: base64.StdEncoding.EncodeToString(seed(event.StageRecord)),
		stage.EnvSealPublic:  ring, stage.EnvHistory: url, stage.EnvLogLevel: "error",
	}
}

func start(t *testing.T, url string) *stage.Function {
	f := New()
	require.NoError(t, f.Start(t.Context(), settings(t, url)))
	t.Cleanup(func() { require.NoError(t, f.Stop(context.Background())) })
	return f
}

// sections are what each type's document holds beside remediation and signal.
func sections(eventType string) []event.Section {
	all := []event.Section{
		{Name: event.SectionRemediation, Value: event.Remediation{ID: "r1-1", Fingerprint: "fp", OpenedAt: opened}},
		{Name: event.SectionSignal, Value: event.Signal{Name: "KubePodCrashLooping", Severity: "high", AlertID: "a1",
			Target: event.Target{Kind: "Deployment", Namespace: "shop", Name: "web"}, StartsAt: opened, ReceivedAt: opened}},
	}
	if event.SignalSuppressed == eventType {
		return append(all[1:], event.Section{Name: event.SectionSuppression,
			Value: event.Suppression{Reason: "duplicate", Holder: "r1-1", Count: 3}})
	}
	if event.SignalJoined == eventType {
		return append(all, event.Section{Name: event.SectionJoining, Value: event.Joining{Reason: event.JoiningMoreSevere, Before: "medium"}})
	}
	decided := []event.Section{
		{Name: event.SectionProposal, Value: event.Proposal{Rung: event.Rung{Action: "restart_pod"}, Step: 1}},
		{Name: event.SectionDecision, Value: event.Decision{Outcome: event.DecisionApproved, Reason: "policy", Step: 1, Action: "restart_pod"}},
		{Name: event.SectionExecution, Value: event.Execution{Outcome: event.ExecutionApplied, Step: 1, Action: "restart_pod"}},
		{Name: event.SectionAssessment, Value: event.Assessment{Verdict: event.VerdictEffective, Step: 1}},
		{Name: event.SectionEnd, Value: event.End{Outcome: event.OutcomeHealed, Reason: "verified"}},
	}
	return append(all, decided[:map[string]int{event.RemediationProposed: 1, event.RemediationApproved: 2,
		event.RemediationExecuted: 3, event.EffectivenessAssessed: 4, event.RemediationClosed: 5}[eventType]]...)
}

func sealed(t *testing.T, eventType string, index int) cloudevents.Event {
	t.Helper()
	entry, ok := event.Lookup(eventType)
	require.True(t, ok)
	e, err := event.New(event.Draft{Type: eventType, Stage: entry.Producers[0], Namespace: "ns", Cause: "r1-1",
		Index: index, Sections: sections(eventType), Correlation: "r1-1",
		Target: event.Target{Kind: "Deployment", Namespace: "shop", Name: "web"}, Now: opened.Add(time.Duration(index) * time.Minute)})
	require.NoError(t, err)
	key := sealingKey(t, entry.Producers[0])
	require.NoError(t, key.Seal(&e))
	return e
}

func statusOf(t *testing.T, err error) int {
	t.Helper()
	var failure *stage.Error
	require.ErrorAs(t, err, &failure)
	return failure.Status()
}

func TestEveryTypeOfTheCatalogueIsRecorded(t *testing.T) {
	url := "sqlite://" + filepath.Join(t.TempDir(), "h.db")
	f := start(t, url)
	var want []string
	for i, entry := range event.Catalogue() {
		e := sealed(t, entry.Type, i)
		reply, err := f.Take(t.Context(), e)
		require.NoError(t, err, entry.Type)
		require.Nil(t, reply, "record answers with nothing")
		want = append(want, e.ID())
	}
	store := read(t, url)
	entries, err := store.Timeline(t.Context(), "r1-1")
	require.NoError(t, err)
	var got []string
	for _, e := range entries {
		got = append(got, e.ID)
		stored, err := stage.Decode(e.Event)
		require.NoError(t, err)
		ring, err := event.ParseKeyring(settings(t, url)[stage.EnvSealPublic])
		require.NoError(t, err)
		require.NoError(t, ring.Verify(stored), "the seal survives storage: %s", e.Type)
	}
	require.Equal(t, want, got)
}

func read(t *testing.T, url string) history.Store {
	store, err := history.Open(url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}

func TestWhatHistoryIndexes(t *testing.T) {
	for name, c := range map[string]struct {
		eventType string
		want      history.Entry
	}{
		"a received signal stands for one alert": {event.SignalReceived,
			history.Entry{Alerts: 1, Progress: true}},
		"a suppressed one is about its holder and stands for as many as it counts": {event.SignalSuppressed,
			history.Entry{Alerts: 3, Outcome: "suppressed", Reason: "duplicate"}},
		"an alert that joined moves nothing on, and is counted where it was suppressed": {event.SignalJoined,
			history.Entry{Outcome: "joined", Reason: event.JoiningMoreSevere}},
		"a proposal names action and step": {event.RemediationProposed,
			history.Entry{Action: "restart_pod", Step: 1, Progress: true}},
		"an approval has the decision's outcome": {event.RemediationApproved,
			history.Entry{Action: "restart_pod", Step: 1, Outcome: "approved", Reason: "policy", Progress: true}},
		"an execution has its own outcome, not the decision's": {event.RemediationExecuted,
			history.Entry{Action: "restart_pod", Step: 1, Outcome: "applied", Progress: true}},
		"an assessment has its verdict": {event.EffectivenessAssessed,
			history.Entry{Action: "restart_pod", Step: 1, Outcome: "effective", Progress: true}},
		"an end is terminal": {event.RemediationClosed,
			history.Entry{Action: "restart_pod", Step: 1, Outcome: "healed", Reason: "verified", Progress: true, Terminal: true}},
	} {
		t.Run(name, func(t *testing.T) {
			e := sealed(t, c.eventType, 0)
			got, err := entryOf(Recorded{ID: e.ID(), Type: e.Type(), Data: e.Data(), Time: e.Time()})
			require.NoError(t, err)
			c.want.ID, c.want.Type, c.want.Time = e.ID(), e.Type(), e.Time()
			c.want.Remediation, c.want.Alert, c.want.Kind, c.want.Severity = "r1-1", "KubePodCrashLooping", "Deployment", "high"
			c.want.Subject = "shop/Deployment/web"
			if c.eventType != event.SignalSuppressed {
				c.want.Fingerprint, c.want.OpenedAt = "fp", opened
			}
			require.Equal(t, c.want, got)
		})
	}
}

func TestRedeliveryAndReorderingDoNoHarm(t *testing.T) {
	url := "sqlite://" + filepath.Join(t.TempDir(), "h.db")
	f := start(t, url)
	events := []cloudevents.Event{sealed(t, event.SignalReceived, 0), sealed(t, event.RemediationProposed, 1), sealed(t, event.RemediationClosed, 2)}
	slices.Reverse(events)
	var wg sync.WaitGroup
	for range 4 {
		for _, e := range events {
			wg.Go(func() {
				if _, err := f.Take(context.Background(), e); err != nil {
					t.Errorf("handle: %v", err)
				}
			})
		}
	}
	wg.Wait()
	store := read(t, url)
	entries, err := store.Timeline(t.Context(), "r1-1")
	require.NoError(t, err)
	require.Len(t, entries, 3)
	r, err := store.Remediation(t.Context(), "r1-1")
	require.NoError(t, err)
	require.Equal(t, event.OutcomeHealed, r.Outcome)
	require.EqualValues(t, 1, r.Alerts)
}

func TestStartFailsClearly(t *testing.T) {
	for name, c := range map[string]struct{ url, want string }{
		"without a setting":      {"", "HISTORY_URL"},
		"with an unknown scheme": {"mysql://x", "mysql"},
		"with a folder":          {"sqlite://" + t.TempDir(), "open history"},
	} {
		t.Run(name, func(t *testing.T) {
			err := New().Start(t.Context(), settings(t, c.url))
			require.ErrorContains(t, err, c.want)
			require.ErrorContains(t, err, "start record")
		})
	}
}

func TestForgedEventsAreNotRecorded(t *testing.T) {
	f := start(t, "sqlite://"+filepath.Join(t.TempDir(), "h.db"))
	e := sealed(t, event.SignalReceived, 0)
	e.DataEncoded = append(e.DataEncoded[:len(e.DataEncoded)-1], []byte(`,"x":1}`)...)
	_, err := f.Take(t.Context(), e)
	require.Equal(t, http.StatusUnprocessableEntity, statusOf(t, err))
}

type failing struct{ err error }

func (f failing) Append(context.Context, ...history.Entry) error { return f.err }

func TestFailuresOfTheStore(t *testing.T) {
	for name, err := range map[string]error{
		"a locked store may pass":               fmt.Errorf("x: %w", history.ErrUnavailable),
		"an ended turn may pass":                context.DeadlineExceeded,
		"tables of a newer program may pass":    fmt.Errorf("prepare tables: %w", history.ErrInvalid),
		"a right that is missing may be given":  errors.New("permission denied"),
		"and so may what nobody has thought of": errors.New("?"),
	} {
		t.Run(name, func(t *testing.T) {
			failure := failureOf(t, failing{err}, sealed(t, event.SignalReceived, 0))
			require.Equal(t, http.StatusServiceUnavailable, failure.Status())
			require.Equal(t, ReasonStoreDown, failure.Reason)
		})
	}
}

func TestWhatNoStoreCanKeepIsNotTriedAgain(t *testing.T) {
	e := sealed(t, event.SignalReceived, 0)
	e.SetTime(time.Time{})
	failure := failureOf(t, failing{history.ErrUnavailable}, e)
	require.Equal(t, http.StatusUnprocessableEntity, failure.Status(), "whatever state the store is in")
	require.Equal(t, ReasonNotStorable, failure.Reason)
}

func failureOf(t *testing.T, store appender, e cloudevents.Event) *stage.Error {
	t.Helper()
	_, err := recorder{store: store}.record(t.Context(), stage.Input[json.RawMessage]{Data: e.Data(), ID: e.ID(), Type: e.Type(), Time: e.Time(), Event: e})
	var failure *stage.Error
	require.ErrorAs(t, err, &failure)
	return failure
}
