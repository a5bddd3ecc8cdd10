package main

import (
	"bytes"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/local/system"
	"kubernaut.ai/local/terminal"
)

// posting is the command that make run prints at its end.
var posting = regexp.MustCompile(`(?s)curl -s (http://\S+?)(/api/v1/signals/prometheus) -H 'Content-Type: application/json' -d '(.*?)'\n`)

// TestWhatOneIsInvitedToPostHasConsequences posts the printed alert.
func TestWhatOneIsInvitedToPostHasConsequences(t *testing.T) {
	dir := t.TempDir()
	s, err := system.Start(t.Context(), system.Options{Root: "..", Dir: dir, PingEvery: time.Hour, LogOutput: filepath.Join(dir, "log"),
		Objects: []string{"samples/1-bad-rollout/objects.yaml"}})
	require.NoError(t, err)
	t.Cleanup(func() { stop(s) })
	var printed bytes.Buffer
	(&options{}).invite(terminal.Plain(&printed), s)
	command := posting.FindStringSubmatch(printed.String())
	require.NotNil(t, command, printed.String())

	post := func(path string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, command[1]+path, strings.NewReader(command[3]))
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept", "text/plain")
		resp, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer func() { _ = resp.Body.Close() }()
		said, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, string(said)
	}
	require.Eventually(t, func() bool {
		_, said := post("/api/v1/explain" + command[2])
		return strings.Contains(said, "would apply restart_pod to shop/Deployment/basket")
	}, time.Minute, 50*time.Millisecond)
	code, said := post(command[2])
	require.Equal(t, http.StatusCreated, code, said)
}
