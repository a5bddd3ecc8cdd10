package function

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"kubernaut.ai/functions/execute/reading"
	"kubernaut.ai/shared/event"
)

// kubelet answers for a log as a kubelet does: from the line that tailLines counts
// from the end, and no further than limitBytes from there.
func kubelet(log string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		text := log
		if n, err := strconv.Atoi(r.URL.Query().Get("tailLines")); err == nil {
			lines := strings.SplitAfter(text, "\n")
			if lines[len(lines)-1] == "" {
				lines = lines[:len(lines)-1]
			}
			text = strings.Join(lines[max(0, len(lines)-n):], "")
		}
		if n, err := strconv.Atoi(r.URL.Query().Get("limitBytes")); err == nil {
			text = text[:min(n, len(text))]
		}
		_, _ = w.Write([]byte(text))
	}
}

// brokenOff answers with the beginning of a log that was said to be longer.
func brokenOff(beginning string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(beginning)+1))
		_, _ = w.Write([]byte(beginning))
	}
}

// by is a client of what answers.
func by(t *testing.T, answer http.HandlerFunc) *rest.Config {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return &rest.Config{Host: server.URL}
}

// stalled is a connection on which the beginning of a log comes and then nothing,
// until the turn's time is over.
func stalled(beginning string, over context.CancelFunc) http.RoundTripper {
	return trips(func(r *http.Request) (*http.Response, error) {
		nothing := reads(func([]byte) (int, error) {
			over()
			<-r.Context().Done()
			return 0, r.Context().Err()
		})
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(io.MultiReader(strings.NewReader(beginning), nothing))}, nil
	})
}

type trips func(*http.Request) (*http.Response, error)

func (f trips) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

type reads func([]byte) (int, error)

func (f reads) Read(p []byte) (int, error) { return f(p) }

// logged is the evidence of a pod whose container crashed.
func logged(ctx context.Context, t *testing.T, config *rest.Config) event.Evidence {
	t.Helper()
	kube, err := kubernetes.NewForConfig(config)
	require.NoError(t, err)
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-1"}, Status: corev1.PodStatus{
		ContainerStatuses: []corev1.ContainerStatus{{Name: "app", RestartCount: 3,
			LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1}}}}}}
	var f findings
	collectDiagnostics{reading.Of(kube)}.logs(ctx, pod, &f)
	require.Len(t, f.list, 1)
	require.LessOrEqual(t, len(f.list[0].Detail), maxLog)
	return f.list[0]
}

func TestTheEndOfALogIsReadHoweverLongItsLinesAre(t *testing.T) {
	const last = `{"level":"fatal","message":"the last words"}`
	long := `{"level":"info","message":"` + strings.Repeat("word, ", 500) + `"}` + "\n"
	cases := []struct{ name, log, want string }{
		{"a short log", "starting\n" + last + "\n", "starting\n" + last},
		{"many long lines", strings.Repeat(long, logLines*2) + last + "\n", last},
		{"lines as long as a container runtime makes them", strings.Repeat(strings.Repeat("a b ", 4<<10)+"\n", logLines) + last, last},
		{"one line that is longer than all that is kept", strings.Repeat("word, ", logBytes) + "the last words", "word, word, the last words"},
		{"one line without a blank", strings.Repeat("x.y.", logBytes) + "the_last_words", "the_last_words"},
		{"a long line before a short one", long + long + "exit 1", "word, \"}\nexit 1"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			e := logged(t.Context(), t, by(t, kubelet(c.log)))
			require.Equal(t, "log web-1/app (previous)", e.Source)
			require.True(t, strings.HasSuffix(e.Detail, c.want), e.Detail)
		})
	}
}

func TestALogWhoseEndIsNotReachedSaysSo(t *testing.T) {
	const beginning = "starting\nlistening\n"
	turn, over := context.WithCancel(t.Context())
	defer over()
	cases := []struct {
		name   string
		config *rest.Config
		want   string
	}{
		{"a log that is longer than may be read", by(t, kubelet(strings.Repeat(strings.Repeat("listening ", 4<<10)+"\n", logLines)+"the end")), "listening"},
		{"a connection that breaks", by(t, brokenOff(beginning)), "starting\nlistening"},
		{"a kubelet that stalls until the turn's time is over", &rest.Config{Transport: stalled(beginning, over)}, "starting\nlistening"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			e := logged(turn, t, c.config)
			require.Equal(t, "log web-1/app (previous) (not to its end)", e.Source)
			require.Contains(t, e.Detail, c.want)
		})
	}
}

func TestALogThatCannotBeReadIsNamedWithWhy(t *testing.T) {
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for name, e := range map[string]event.Evidence{
		"the turn's time is over":                     logged(over, t, by(t, kubelet("starting"))),
		"the connection breaks before the first byte": logged(t.Context(), t, by(t, brokenOff(""))),
	} {
		require.Equal(t, "log web-1/app (previous)", e.Source, name)
		require.Equal(t, "could not be read: no answer", e.Detail, name)
	}
}

func TestWhatIsKeptOfALogHasABound(t *testing.T) {
	var e ending
	for range 100 {
		_, _ = e.Write([]byte(strings.Repeat("x", logBytes*2)))
	}
	require.Len(t, e.kept, logBytes)
	require.LessOrEqual(t, cap(e.kept), 8*logBytes)
}

// TestHalfASecretIsNotShown: what is left of a long log begins where a line does,
// or at least a word, because half a setting is not recognised as a secret.
func TestHalfASecretIsNotShown(t *testing.T) {
	// Redacted, all this is shorter than what is kept.
	shrinks := strings.Repeat(strings.Repeat("k1", 1000)+" ", 8)
	for name, between := range map[string]string{"a line": "\n", "a word": " ", "a field of compact JSON": `","`} {
		t.Run(name, func(t *testing.T) {
			rest := between + shrinks
			log := strings.Repeat("word ", 100) + `password=hunter2secret` + rest + strings.Repeat("z", logBytes-len(rest)-len("secret"))
			e := logged(t.Context(), t, by(t, kubelet(log)))
			require.NotContains(t, e.Detail, "secret")
			require.Contains(t, e.Detail, event.Redacted)
		})
	}
}
