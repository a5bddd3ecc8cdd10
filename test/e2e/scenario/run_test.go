package scenario

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/event/eventtest"
	"kubernaut.ai/shared/porttest"
	"kubernaut.ai/test/e2e/product"
)

// TestAFunctionRunByHandAnswersASampleWithTheNextEvent is what a developer does
// in a function's folder: func run, and a golden sample posted to it.
func TestAFunctionRunByHandAnswersASampleWithTheNextEvent(t *testing.T) {
	w := enterBeside(t)
	for _, test := range []struct{ stage, sample, answer string }{
		{event.StageClassify, "signal.enriched.json", event.SignalClassified},
	} {
		t.Run(test.stage, func(t *testing.T) {
			address := w.runByHand(t, test.stage)
			answer := w.awaitAnswer(t, address, sampleText(t, test.sample))
			require.Equal(t, test.answer, answer.Header.Get("ce-type"))
			require.NotEmpty(t, answer.Header.Get("ce-seal"))
		})
	}
}

// runByHand starts "func run" in a copy of a function's folder, with the keys
// that samples are sealed with, and returns where it listens.
func (w *world) runByHand(t testing.TB, stage string) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), stage)
	require.NoError(t, os.CopyFS(folder, os.DirFS(filepath.Join(product.Root(), "functions", stage))))
	keys := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(keys, stage), []byte(eventtest.PrivateKey(stage)), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(keys, "public"), []byte(eventtest.PublicKeys()), 0o600))
	settings := filepath.Join(keys, "settings")
	require.NoError(t, os.WriteFile(settings, []byte("SEAL_KEYS_DIR="+keys+"\n"), 0o600))
	address, err := porttest.FreeAddress()
	require.NoError(t, err)
	cmd := exec.Command(w.programs["func"], "run", "--address", address)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "FUNC_GO="+filepath.Join(product.Root(), "deploy", "func-go"), "KUBERNAUT_SETTINGS="+settings)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	// func leaves the function behind when it is told to end; its group does not.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("func run said:\n%s", said.String())
		}
	})
	return address
}

// awaitAnswer posts an event until the function listens, and returns its answer.
func (w *world) awaitAnswer(t testing.TB, address string, body []byte) *http.Response {
	t.Helper()
	var answer *http.Response
	until(t, "answer of the function", func(ctx context.Context) (bool, any) {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/", bytes.NewReader(body))
		require.NoError(t, err)
		request.Header.Set("Content-Type", "application/cloudevents+json")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return false, err
		}
		text, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		answer = response
		return err == nil && response.StatusCode == http.StatusOK, fmt.Sprint(response.Status, " ", strings.TrimSpace(string(text)))
	})
	return answer
}
