package function

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/event/eventtest"
	"kubernaut.ai/shared/ledger/tickredis"
	"kubernaut.ai/shared/stage"
)

func TestTheStageServesOnOnesOwnMachine(t *testing.T) {
	server, err := tickredis.Start()
	require.NoError(t, err)
	t.Cleanup(server.Close)
	f := New()
	settings := map[string]string{stage.EnvRedis: server.URL(), stage.EnvSink: "http://127.0.0.1:1", stage.EnvLogLevel: "fatal",
		stage.EnvSealPrivate: eventtest.PrivateKey(event.StageApprove), stage.EnvSealPublic: eventtest.PublicKeys(),
		stage.EnvHistory: "sqlite://" + filepath.Join(t.TempDir(), "history.db"), envAuth: authLocal, envApprover: "me"}
	require.NoError(t, f.Start(t.Context(), settings))
	t.Cleanup(func() { require.NoError(t, f.Stop(context.Background())) })
	for path, status := range map[string]int{
		"/api/v1/pause": http.StatusOK,
		"/api/v1/remediations/5d1c3b8f20aa4e67-1/held": http.StatusNotFound,
	} {
		r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1:8080"+path, nil)
		r.RemoteAddr = "127.0.0.1:4711"
		w := httptest.NewRecorder()
		f.Handle(w, r)
		require.Equal(t, status, w.Code, w.Body.String())
	}
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:8080/api/v1/remediations/5d1c3b8f20aa4e67-1/undo", nil)
	r.RemoteAddr = "127.0.0.1:4711"
	w := httptest.NewRecorder()
	f.Handle(w, r)
	require.Equal(t, http.StatusNotFound, w.Code, w.Body.String())
	require.Contains(t, w.Body.String(), reasonNotExecuted)
}

func TestAHistoryThatCannotBeOpenedStopsTheStart(t *testing.T) {
	_, err := openHistory(&stage.Runtime{Config: stage.NewConfig(map[string]string{stage.EnvHistory: "papyrus:scroll"})})
	require.ErrorContains(t, err, "papyrus")
}
