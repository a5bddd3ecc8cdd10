package scenario

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/test/e2e/product"
)

// maxLetters bounds how many dead letters a scenario looks through.
const maxLetters = 100

// TestAPoisonEventIsKeptWithTheReason posts to the Broker what no stage may
// believe: events that look right and carry no seal of this installation.
func TestAPoisonEventIsKeptWithTheReason(t *testing.T) {
	w := enter(t)
	for _, test := range []struct {
		name, sample string
		refusedBy    []string
	}{
		{"a made-up alert", "signal.received.json", []string{event.StageEnrich, event.StageRecord}},
		{"a forged decision, which would have execute act", "remediation.approved.json", []string{event.StageExecute, event.StageRecord}},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := sample(t, test.sample)
			e["id"] = "poison-" + uuid.NewString()
			w.publish(t, e)
			letters := w.letters(t, e["id"].(string), len(test.refusedBy))
			for _, stage := range test.refusedBy {
				require.Contains(t, letters, stage)
				require.Equal(t, http.StatusUnprocessableEntity, letters[stage].Code, "%+v", letters[stage])
				require.Contains(t, letters[stage].Reason, "seal")
			}
		})
	}
}

// sampleText is a golden event of the catalogue in structured mode, as "jq -c"
// prints it: its seal is over the data without the white space that people like.
func sampleText(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(product.Root(), "shared", "event", "testdata", "samples", name))
	require.NoError(t, err)
	var compact bytes.Buffer
	require.NoError(t, json.Compact(&compact, text))
	return compact.Bytes()
}

// sample is a golden event to be changed.
func sample(t testing.TB, name string) map[string]any {
	t.Helper()
	var e map[string]any
	require.NoError(t, json.Unmarshal(sampleText(t, name), &e))
	return e
}

// publish posts an event to the Broker, as any pod that reaches it can.
func (w *world) publish(t testing.TB, e map[string]any) {
	t.Helper()
	text, err := json.Marshal(e)
	require.NoError(t, err)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.sink(t), bytes.NewReader(text))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/cloudevents+json")
	response, err := w.http.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	said, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusAccepted, response.StatusCode, "%s", said)
}

// sink is the Broker's address, as stages are told it.
func (w *world) sink(t testing.TB) string {
	t.Helper()
	settings, err := w.kube.CoreV1().ConfigMaps(product.Namespace).Get(t.Context(), "kubernaut", metav1.GetOptions{})
	require.NoError(t, err)
	return settings.Data["sink"]
}

// letters waits for so many dead letters of an event, by the stage that refused.
func (w *world) letters(t testing.TB, id string, count int) map[string]ledger.DeadLetter {
	t.Helper()
	var found map[string]ledger.DeadLetter
	until(t, "dead letters of "+id, func(ctx context.Context) (bool, any) {
		all, err := w.ledger.DeadLetters(ctx, maxLetters)
		if err != nil {
			return false, err
		}
		found = map[string]ledger.DeadLetter{}
		for _, letter := range all {
			if bytes.Contains(letter.Event, []byte(id)) {
				stage, _, _ := strings.Cut(letter.Destination, " ")
				found[stage] = letter
			}
		}
		return len(found) >= count, all
	})
	return found
}
