package toolchain

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestATranscriptTellsProgressAndKeepsErrors(t *testing.T) {
	transcript := &transcript{}
	write := func(text string) {
		n, err := transcript.Write([]byte(text))
		require.NoError(t, err)
		require.Equal(t, len(text), n)
	}
	write("go: downloading k8s.io/api v0.36.3\n")
	require.Equal(t, "1 modules downloaded", transcript.progress())
	write("k8s.io/api/co")
	write("re/v1\ngolang.org/x/net\n# example.com/broken\n./main.go:4:15: undefined: x\n")
	require.Equal(t, "2 packages compiled", transcript.progress())

	failure := errors.New("exit status 1")
	err := transcript.explain(t.Context(), failure)
	require.ErrorIs(t, err, failure)
	require.ErrorContains(t, err, "./main.go:4:15: undefined: x")
	require.NotContains(t, err.Error(), "k8s.io/api")
	require.NoError(t, transcript.explain(t.Context(), nil))
}

func TestACancelledBuildIsNotBlamedOnTheCompiler(t *testing.T) {
	cause := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	require.ErrorIs(t, (&transcript{}).explain(ctx, errors.New("signal: killed")), cause)
}

func TestAnErrorRepeatsTheEndOfLongOutput(t *testing.T) {
	transcript := &transcript{}
	_, err := transcript.Write([]byte(strings.Repeat("x.go:1:1: first\n", 3*keptLines) + "x.go:2:2: last"))
	require.NoError(t, err)
	text := transcript.explain(t.Context(), errors.New("exit status 1")).Error()
	require.True(t, strings.HasSuffix(text, "last"))
	require.Len(t, strings.Split(text, "\n"), keptLines+1)
}

func TestAdviceFitsWhatGoSays(t *testing.T) {
	cases := []struct{ output, advice string }{
		{"write /x: no space left on device", "free some disk space"},
		{"m@v1: reading p/m/@v/v1.zip: 403 Forbidden", "pin another version"},
		{"Get \"p/m\": dial tcp: lookup p: no such host", "GOPROXY"},
		{"missing go.sum entry for module m", "go.sum is not whole"},
		{"go: updates to go.mod needed", "go.mod is not whole"},
		{"compile: signal: killed", "memory"},
		{"x.go:1:1: undefined: y", "what go said"},
	}
	for _, c := range cases {
		require.Contains(t, advice(c.output), c.advice, c.output)
	}
}

func TestExecutablesAreNamedAsGoNamesThem(t *testing.T) {
	for importPath, name := range map[string]string{
		"k8s.io/kubernetes/cmd/kubelet":             "kubelet",
		"go.etcd.io/etcd/server/v3":                 "server",
		"github.com/traefik/traefik/v3/cmd/traefik": "traefik",
	} {
		require.Equal(t, name, executableName(importPath), importPath)
	}
}
