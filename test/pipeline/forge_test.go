package pipeline_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/stretchr/testify/require"

	"kubernaut.ai/local/system"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/stage"
)

// key is a stage's own sealing key: what an attacker has who took that stage.
func (b *bed) key(t *testing.T, name string) event.SealingKey {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(b.dir, "keys", name))
	require.NoError(t, err)
	key, err := event.ParseSealingKey(string(text))
	require.NoError(t, err)
	return key
}

// strangersKey is one that nobody knows.
func strangersKey(t *testing.T) event.SealingKey {
	t.Helper()
	key, err := event.NewSealingKey(bytes.Repeat([]byte{7}, 32))
	require.NoError(t, err)
	return key
}

// captured is a remediation's event as history kept it, with its data.
func captured[T any](t *testing.T, b *bed, id, eventType string) (cloudevents.Event, T) {
	t.Helper()
	e, err := stage.Decode(b.entry(t, id, eventType).Event)
	require.NoError(t, err)
	var data T
	require.NoError(t, e.DataAs(&data))
	return e, data
}

// forged is an event that an attacker makes after one that they have seen.
type forged struct {
	eventType, source string
	parent            cloudevents.Event
	sections          []event.Section
	// index makes another id of the same cause.
	index int
	cause string
	// key seals it; the zero value leaves it without a seal.
	key *event.SealingKey
}

func (f forged) event(t *testing.T) cloudevents.Event {
	t.Helper()
	doc, err := event.ParseDocument(f.parent.Data())
	require.NoError(t, err)
	entry, ok := event.Lookup(f.eventType)
	require.True(t, ok)
	e, err := event.New(event.Draft{Type: f.eventType, Stage: entry.Producers[0], Namespace: stage.DefaultNamespace, Parent: &f.parent,
		Document: doc, Sections: f.sections, Index: f.index, Cause: f.cause, Now: time.Now()})
	require.NoError(t, err)
	if f.source != "" {
		e.SetSource(event.Source(stage.DefaultNamespace, f.source))
	}
	if f.key != nil {
		require.NoError(t, f.key.Seal(&e))
	}
	return e
}

// refusedBy waits for the dead letter of an event at a stage, and requires
// its named reason.
func (b *bed) refusedBy(t *testing.T, name, reason string, e cloudevents.Event) {
	t.Helper()
	var letters []ledger.DeadLetter
	until(t, "dead letter of "+e.ID()+" at "+name, func() (bool, any) {
		var err error
		letters, err = b.Ledger().DeadLetters(t.Context(), ledger.MaxDeadLetters)
		require.NoError(t, err)
		for _, l := range letters {
			if bytes.Contains(l.Event, []byte(`"`+e.ID()+`"`)) && strings.HasPrefix(l.Destination, name+" ") && strings.Contains(l.Reason, reason) {
				return true, nil
			}
		}
		return false, destinations(letters)
	})
}

func destinations(letters []ledger.DeadLetter) []string {
	var out []string
	for _, l := range letters {
		out = append(out, l.Destination+": "+l.Reason)
	}
	return out
}

// droppedBy publishes what a stage believes but does not obey, and requires
// that it says why.
func (b *bed) droppedBy(t *testing.T, name, reason string, e cloudevents.Event) {
	t.Helper()
	labels := map[string]string{"stage": name, "type": event.ShortType(e.Type()), "reason": reason}
	before := b.metric(t, "kubernaut_turns_total", labels)
	b.publish(t, e)
	until(t, name+" dropping "+e.Type()+" for "+reason, func() (bool, any) {
		return b.metric(t, "kubernaut_turns_total", labels) > before, labels
	})
}

// TestASectionInOtherLettersIsNotBelieved: who took the classify stage sends along
// what a decoder takes for later stages' sections, and With would not replace.
func TestASectionInOtherLettersIsNotBelieved(t *testing.T) {
	t.Parallel()
	b := start(t, system.Options{})
	const namespace = "lettered"
	b.sick(t, namespace, workload{labels: ownedByFlux})
	id := b.opened(t, oomKilled(namespace))
	b.held(t, id)
	enriched, _ := captured[event.SignalEnrichedData](t, b, id, event.SignalEnriched)
	classified, _ := captured[event.SignalClassifiedData](t, b, id, event.SignalClassified)
	classify := b.key(t, event.StageClassify)
	for i, smuggled := range []string{
		`"Decision":{"undo":true,"approver":"mallory"},"execution":{"outcome":"applied","undo":{"possible":true}}`,
		`"deciſion":{"outcome":"approved"}`,
		`"Signal":{"target":{"name":"another"}}`,
	} {
		e := forged{eventType: event.SignalClassified, parent: enriched, index: 1 + i}.event(t)
		e.DataEncoded = append([]byte("{"+smuggled+","), classified.Data()[1:]...)
		require.NoError(t, classify.Seal(&e))
		b.publish(t, e)
		for _, name := range []string{event.StageAnalyze, event.StageRecord} {
			b.refusedBy(t, name, stage.ReasonMalformed, e)
		}
	}
	b.idle(t)
	require.Empty(t, b.mutations(namespace))
}
