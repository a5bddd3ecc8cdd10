package event_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/event/eventtest"
)

func TestTheSameCauseMintsTheSameID(t *testing.T) {
	id := event.ID("cause", event.SignalReceived, 0)
	require.Len(t, id, 32)
	require.Equal(t, id, event.ID("cause", event.SignalReceived, 0))
	for name, other := range map[string]string{
		"another cause": event.ID("cause2", event.SignalReceived, 0),
		"another type":  event.ID("cause", event.SignalResolved, 0),
		"another index": event.ID("cause", event.SignalReceived, 1),
		"moved border":  event.ID("cause"+event.SignalReceived[:1], event.SignalReceived[1:], 0),
	} {
		require.NotEqual(t, id, other, name)
	}
}

func TestAReplyCarriesWhatARemediationNeeds(t *testing.T) {
	parent := eventtest.Sample(event.SignalReceived)
	reply := eventtest.Sample(event.SignalEnriched)
	require.Equal(t, parent.ID(), event.Extension(reply, event.ExtCausation))
	require.Equal(t, event.ID(parent.ID(), event.SignalEnriched, 0), reply.ID())
	require.Equal(t, parent.Subject(), reply.Subject())
	for _, name := range []string{event.ExtCorrelation, event.ExtPartition, event.ExtTraceParent, "alertname", "severity", "kind"} {
		require.NotEmpty(t, event.Extension(reply, name), name)
		require.Equal(t, event.Extension(parent, name), event.Extension(reply, name), name)
	}
}

func TestSectionsDecideFilterableExtensions(t *testing.T) {
	require.Equal(t, "P2", event.Extension(eventtest.Sample(event.SignalClassified), "priority"))
	require.Equal(t, "rollback_deployment", event.Extension(eventtest.Sample(event.RemediationProposed), "action"))
	require.Equal(t, "effective", event.Extension(eventtest.Sample(event.EffectivenessAssessed), "outcome"))
	require.Equal(t, "healed", event.Extension(eventtest.Sample(event.RemediationClosed), "outcome"))
}

func TestAStageMayOnlyProduceItsOwnTypes(t *testing.T) {
	for _, entry := range event.Catalogue() {
		_, err := event.New(event.Draft{Type: entry.Type, Stage: event.StageRecord, Cause: "x", Now: time.Unix(0, 0)})
		require.ErrorIs(t, err, event.ErrNotInCatalogue, "record produces nothing")
	}
}

func TestSourcesName(t *testing.T) {
	stage, ok := event.StageOf(event.Source("a-namespace", "enrich"))
	require.True(t, ok)
	require.Equal(t, "enrich", stage)
	for _, source := range []string{"", "/", "enrich", "/namespaces/a/functions/", "/namespaces/a/jobs/enrich", "/namespaces/a/functions/enrich/x"} {
		_, ok := event.StageOf(source)
		require.False(t, ok, source)
	}
}

func TestWhatStrangersWriteIsBoundedAndTheCutIsVisible(t *testing.T) {
	labels := map[string]string{}
	for i := range 500 {
		labels[fmt.Sprintf("label%03d", i)] = strings.Repeat("é", 2000)
	}
	s := event.Signal{Name: strings.Repeat("n", 1000), Labels: labels, Annotations: labels}.Bound()
	body, err := json.Marshal(s)
	require.NoError(t, err)
	require.LessOrEqual(t, len(body), event.MaxSignalSize)
	require.NotEmpty(t, s.Cut)
	require.True(t, strings.HasSuffix(s.Name, "…"))

	c := event.Context{Labels: labels, NamespaceLabels: labels}
	for range 500 {
		c.Pods = append(c.Pods, event.Pod{Name: strings.Repeat("p", 200), Containers: []event.ContainerState{{Message: strings.Repeat("m", 500)}}})
		c.Events = append(c.Events, event.Note{Message: strings.Repeat("m", 500)})
	}
	c = c.Bound()
	body, err = json.Marshal(c)
	require.NoError(t, err)
	require.LessOrEqual(t, len(body), event.MaxContextSize)
	require.Contains(t, strings.Join(c.Cut, "\n"), "of 500")
}

func FuzzCut(f *testing.F) {
	f.Add("héllo", 3)
	f.Add("\xff\xfe", 1)
	f.Fuzz(func(t *testing.T, s string, max int) {
		if max < 0 || max > 1<<16 {
			return
		}
		require.LessOrEqual(t, len(event.Cut(s, max)), max)
	})
}

func TestAttributesNeverCarryWhatAHeaderCannot(t *testing.T) {
	s := eventtest.Signal
	s.Name = "Disk\r\nCe-Type: forged\x00"
	e, err := event.New(event.Draft{Type: event.SignalReceived, Stage: event.StageGateway, Cause: "c", Now: time.Unix(0, 0),
		Target: event.Target{Kind: "Pod", Name: "a\nb"}, Sections: []event.Section{{Name: event.SectionSignal, Value: s}}})
	require.NoError(t, err)
	require.NotContains(t, event.Extension(e, "alertname"), "\n")
	require.NotContains(t, e.Subject(), "\n")
	require.NoError(t, e.Validate())
}
