package contract

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	"sigs.k8s.io/yaml"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/stage"
)

const root = "../.."

func triggers(t *testing.T) map[string]eventingv1.Trigger {
	t.Helper()
	return triggersIn(t, "triggers")
}

// triggersIn are those of a folder, by their file's name.
func triggersIn(t *testing.T, folder string) map[string]eventingv1.Trigger {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, folder, "*.yaml"))
	require.NoError(t, err)
	paths = slices.DeleteFunc(paths, func(path string) bool { return filepath.Base(path) == "kustomization.yaml" })
	require.NotEmpty(t, paths)
	out := map[string]eventingv1.Trigger{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		var tr eventingv1.Trigger
		require.NoError(t, yaml.UnmarshalStrict(text, &tr), path)
		out[filepath.Base(path)] = tr
	}
	return out
}

// exactType is the type that a Trigger's filters pin down, or empty.
func exactType(tr eventingv1.Trigger) string {
	for _, f := range tr.Spec.Filters {
		if f.Exact["type"] != "" {
			return f.Exact["type"]
		}
	}
	return ""
}

func TestEveryTriggerNamesAStageThatExistsAndAType(t *testing.T) {
	for name, tr := range triggers(t) {
		t.Run(name, func(t *testing.T) {
			stage := tr.Spec.Subscriber.Ref.Name
			require.DirExists(t, filepath.Join(root, "functions", stage))
			require.NotEmpty(t, tr.Spec.Filters, "a Trigger without a filter receives its own replies")
			if stage == event.StageRecord {
				require.Equal(t, "ai.kubernaut.", tr.Spec.Filters[0].Prefix["type"])
				return
			}
			eventType := exactType(tr)
			entry, known := event.Lookup(eventType)
			require.True(t, known, "type %q is not in the catalogue", eventType)
			if entry.Produces(stage) {
				require.True(t, strings.Contains(eventType, ".continued."), "only a continuation may come back to the stage that sent it")
			}
			require.True(t, strings.HasPrefix(name, stage+"-"), "the file is named for its stage")
		})
	}
}

// TestWhoIsWokenAheadLearnsNothingAndMayFail: with the Broker's dead letter sink a
// stage that could not be woken would count as a remediation that is dead.
func TestWhoIsWokenAheadLearnsNothingAndMayFail(t *testing.T) {
	var woken []string
	for file, tr := range triggersIn(t, filepath.Join("triggers", "wake")) {
		require.Equal(t, event.SignalReceived, exactType(tr), file)
		require.Equal(t, stage.WakePath, tr.Spec.Subscriber.URI.String(), file)
		require.NotNil(t, tr.Spec.Delivery, file)
		require.Zero(t, *tr.Spec.Delivery.Retry, file)
		require.Equal(t, tr.Spec.Subscriber, *tr.Spec.Delivery.DeadLetterSink, file)
		for _, name := range overlays {
			require.Contains(t, all[eventingv1.Trigger](overlay(t, name)), tr.Name, "%s: triggers/wake/kustomization.yaml does not list it", file)
		}
		woken = append(woken, tr.Spec.Subscriber.Ref.Name)
	}
	require.ElementsMatch(t, []string{event.StageClassify, event.StageAnalyze, event.StageAuthorize, event.StageExecute}, woken,
		"every stage between enrich, which the event itself wakes, and the action")
}

func TestEveryTypeThatMovesARemediationHasAConsumer(t *testing.T) {
	consumers := map[string][]string{}
	for name, tr := range triggers(t) {
		if eventType := exactType(tr); eventType != "" {
			consumers[eventType] = append(consumers[eventType], name)
		}
	}
	for _, entry := range event.Catalogue() {
		if entry.Terminal || entry.Informative {
			continue
		}
		require.NotEmpty(t, consumers[entry.Type], "nobody takes %s", entry.Type)
	}
}

func TestFiltersUseAttributesThatEventsCarry(t *testing.T) {
	known := append([]string{"type", "source", "subject"}, event.Filterable...)
	for name, tr := range triggers(t) {
		for _, f := range tr.Spec.Filters {
			for attribute := range f.Exact {
				require.True(t, slices.Contains(known, attribute), "%s filters on %q, which no event carries", name, attribute)
			}
		}
	}
}

func TestEveryProducerIsAStage(t *testing.T) {
	for _, entry := range event.Catalogue() {
		for _, stage := range entry.Producers {
			require.DirExists(t, filepath.Join(root, "functions", stage), "%s produces %s", stage, entry.Type)
		}
	}
}
