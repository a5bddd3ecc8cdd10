package broker

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// counts is how often each event id arrived.
func (s *subscriber) counts() map[string]int {
	out := map[string]int{}
	for _, r := range s.all() {
		out[r.header.Get("Ce-Id")]++
	}
	return out
}

func TestChaosStaysAtLeastOnce(t *testing.T) {
	const events = 60
	const delivery = "{retry: 12, backoffPolicy: exponential, backoffDelay: PT0.2S, " + sinkRef + "}"
	const next = "ai.kubernaut.signal.enriched.v1"
	b := newBed(t, docs(brokerYAML, triggerYAML("enrich", takesReceived, delivery), triggerYAML("classify", "[{exact: {type: "+next+"}}]", delivery)),
		func(o *Options) {
			o.Chaos = &Chaos{Seed: 7, Duplicate: 0.2, Delay: 0.2, Reorder: 0.2, Drop: 0.3}
		}, "enrich", "classify")
	b.stages["enrich"].answer = replies(next)
	for i := range events {
		b.send(map[string]string{"Ce-Id": fmt.Sprint("e", i)}, "{}")
	}
	b.settle()
	require.Len(t, b.stages["enrich"].counts(), events)
	require.Len(t, b.stages["classify"].counts(), events, "no reply is lost either")
	require.Greater(t, len(b.stages["enrich"].all()), events, "duplicates and lost replies")
	require.NotEmpty(t, b.journal.retried)
	require.Empty(t, b.journal.reasons())
	require.Empty(t, b.stages["deadletter"].all())
}

func TestEachKindOfChaosDoesItsOwn(t *testing.T) {
	tests := []struct {
		name     string
		chaos    Chaos
		attempts int
		dropped  []string
	}{
		{"none", Chaos{}, 1, nil},
		{"a duplicate arrives twice", Chaos{Duplicate: 1}, 2, nil},
		{"a delay arrives once", Chaos{Delay: 1}, 1, nil},
		{"a reordering arrives once", Chaos{Reorder: 1}, 1, nil},
		{"a loss never arrives", Chaos{Lose: 1}, 0, []string{ReasonChaosLost}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBed(t, docs(brokerYAML, triggerYAML("enrich", takesReceived, patient)), func(o *Options) { o.Chaos = &tt.chaos }, "enrich")
			b.send(nil, "{}")
			b.settle()
			require.Len(t, b.stages["enrich"].all(), tt.attempts)
			require.Equal(t, tt.dropped, b.journal.reasons())
		})
	}
}

func TestReorderLetsTheNextOneOvertake(t *testing.T) {
	never := func(time.Duration, func()) func() bool { return func() bool { return true } }
	b := newBed(t, docs(brokerYAML, triggerYAML("enrich", takesReceived, "")), func(o *Options) {
		o.Chaos, o.After, o.Concurrency = &Chaos{Reorder: 1}, never, 1
	}, "enrich")
	b.send(map[string]string{"Ce-Id": "first"}, "{}")
	b.send(map[string]string{"Ce-Id": "second"}, "{}")
	b.settle()
	got := b.stages["enrich"].all()
	require.Len(t, got, 2)
	require.Equal(t, "second", got[0].header.Get("Ce-Id"))
}

func TestDropStrikesBeforeAndAfterTheSubscriber(t *testing.T) {
	d := newDice(&Chaos{Seed: 1, Drop: 1})
	seen := map[dropKind]int{}
	for range 100 {
		seen[d.drop()]++
	}
	require.Zero(t, seen[dropNone])
	require.Greater(t, seen[dropBefore], 30)
	require.Greater(t, seen[dropAfter], 30)
	var none *dice
	require.Equal(t, dropNone, none.drop())
}

func TestChaosIsTheSameForTheSameSeed(t *testing.T) {
	fates := func(seed uint64) []fate {
		d := newDice(&Chaos{Seed: seed, Duplicate: .5, Delay: .5, Reorder: .5, Lose: .5})
		out := make([]fate, 50)
		for i := range out {
			out[i] = d.fate()
		}
		return out
	}
	require.Equal(t, fates(1), fates(1))
	require.NotEqual(t, fates(1), fates(2))
}

func TestOptionsThatMakeNoSenseAreRefused(t *testing.T) {
	_, err := Options{QueueSize: -1, BackoffScale: -1, Chaos: &Chaos{Drop: 1.5, MaxDelay: -1}}.withDefaults()
	for _, want := range []string{"Manifests", "Resolve", "QueueSize", "BackoffScale", "Chaos.Drop", "Chaos.MaxDelay"} {
		require.ErrorContains(t, err, want)
	}
}
