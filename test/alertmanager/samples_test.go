package alertmanager_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/local/replay"
	"kubernaut.ai/shared/signal/alertmanagertest"
)

var update = flag.Bool("update", false, "capture the samples' bodies anew from a real Alertmanager")

const samples = "../../local/samples"

// unstable is what differs from run to run of the same Alertmanager: where it
// listens and what its host is called.
var unstable = regexp.MustCompile(`"externalURL":"[^"]*"`)

func TestSamplesAreWhatARealAlertmanagerSends(t *testing.T) {
	bodies := make(chan []byte, 64)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			bodies <- unstable.ReplaceAll(body, []byte(`"externalURL":"http://alertmanager.example:9093"`))
		}
	}))
	defer hook.Close()
	am, err := alertmanagertest.Start(t.Context(), t.TempDir(), alertmanagertest.Telling(hook.URL))
	if errors.Is(err, alertmanagertest.ErrMissing) {
		t.Skip(err)
	}
	require.NoError(t, err)
	defer func() { require.NoError(t, am.Stop()) }()

	starts, err := time.Parse(time.RFC3339, replay.CapturedStart)
	require.NoError(t, err)
	ends, err := time.Parse(time.RFC3339, replay.CapturedEnd)
	require.NoError(t, err)
	dirs, err := filepath.Glob(filepath.Join(samples, "*", "story.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, dirs)
	for _, path := range dirs {
		dir := filepath.Dir(path)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			alerts, err := replay.Alerts(dir)
			require.NoError(t, err)
			for _, half := range []struct {
				file string
				ends time.Time
			}{{"firing.json", time.Time{}}, {"resolved.json", ends}} {
				for _, a := range alerts {
					require.NoError(t, am.Post(t.Context(), alertmanagertest.Alert{Labels: a.Labels, Annotations: a.Annotations,
						GeneratorURL: a.GeneratorURL, StartsAt: starts, EndsAt: half.ends}))
				}
				got := <-bodies
				same(t, filepath.Join(dir, half.file), got)
			}
		})
	}
}

// same compares a body with a sample's file, or writes it. An Alertmanager of
// another version may send more fields: those of the sample must be there.
func same(t *testing.T, path string, got []byte) {
	t.Helper()
	var indented bytes.Buffer
	require.NoError(t, json.Indent(&indented, got, "", "  "))
	if *update {
		require.NoError(t, os.WriteFile(path, append(indented.Bytes(), '\n'), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	var wanted, sent map[string]any
	require.NoError(t, json.Unmarshal(want, &wanted))
	require.NoError(t, json.Unmarshal(got, &sent))
	for field, value := range wanted {
		require.Equal(t, value, sent[field], field)
	}
}
