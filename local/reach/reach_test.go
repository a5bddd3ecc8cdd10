package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// services are the Services of a cluster as kubectl prints them, by
// namespace/name. Knative makes the function's own stand for its ingress.
var services = map[string]string{
	"kubernaut-system/approve":        `{"spec": {"type": "ExternalName", "externalName": "kourier-internal.kourier-system.svc.example.org"}}`,
	"kourier-system/kourier-internal": `{"spec": {"type": "ClusterIP", "ports": [{"port": 80}]}}`,
}

// program writes one that answers as kubectl does with these Services,
// and whose port-forward does what the script says.
func program(t *testing.T, services map[string]string, forward string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range services {
		path := filepath.Join(dir, filepath.FromSlash(name)+".json")
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	script := fmt.Sprintf(`#!/bin/sh
case "$1" in
get)
	[ "$2 $4 $6 $7" = "service --namespace --output json" ] || { echo "unexpected: $*" >&2; exit 9; }
	cat %q/"$5/$3.json" 2>/dev/null || { echo "Error from server (NotFound): services \"$3\" not found" >&2; exit 1; }
	;;
port-forward)
	[ "$*" = "port-forward --namespace kourier-system --address 127.0.0.1 service/kourier-internal :80" ] || { echo "unexpected: $*" >&2; exit 9; }
	%s
	;;
esac
`, dir, forward)
	path := filepath.Join(dir, "kubectl")
	require.NoError(t, os.WriteFile(path, []byte(script), 0o755))
	return path
}

// said is what a command prints while it runs.
type said struct {
	mutex sync.Mutex
	text  bytes.Buffer
	whole chan struct{}
}

var reached = regexp.MustCompile(`(?m)^approve is reached at (\S+), through kourier-internal of namespace kourier-system`)

func (s *said) Write(p []byte) (int, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.text.Write(p)
	if reached.Match(s.text.Bytes()) {
		close(s.whole)
	}
	return len(p), nil
}

func TestTheFunctionIsAskedByItsNameAtTheIngress(t *testing.T) {
	ingress := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Host+" "+r.URL.String()+" "+r.Header.Get("Authorization"))
	}))
	t.Cleanup(ingress.Close)
	fake := program(t, services, "echo 'Forwarding from "+strings.TrimPrefix(ingress.URL, "http://")+" -> 8081'; exec tail -f /dev/null")
	ctx, cancel := context.WithCancel(t.Context())
	out, errs, code := &said{whole: make(chan struct{})}, &bytes.Buffer{}, make(chan int, 1)
	go func() { code <- run(ctx, []string{"--kubectl", fake, "--listen", "127.0.0.1:0"}, out, errs) }()
	select {
	case <-out.whole:
	case c := <-code:
		require.FailNow(t, "it ended", "%d: %s", c, errs)
	}
	url := reached.FindStringSubmatch(out.text.String())[1]
	require.Contains(t, out.text.String(), `curl -H "Authorization: Bearer $TOKEN" "`+url+`/api/v1/remediations?phase=remediation.held"`)

	ask := func(host string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/api/v1/remediations?live=true", nil)
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer mine")
		r.Host = host
		answer, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		return answer.StatusCode, string(body)
	}
	status, body := ask("")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "approve.kubernaut-system.svc.example.org /api/v1/remediations?live=true Bearer mine", body)
	status, _ = ask("evil.example")
	require.Equal(t, http.StatusForbidden, status, "a name that somebody made point to this machine")
	ingress.Close()
	status, body = ask("")
	require.Equal(t, http.StatusBadGateway, status)
	require.Contains(t, body, "ingress does not answer")

	cancel()
	require.Zero(t, <-code, errs.String())
}

func TestWhatHindersItSaysWhatToDo(t *testing.T) {
	circle := map[string]string{"kubernaut-system/approve": `{"spec": {"type": "ExternalName", "externalName": "approve.kubernaut-system.svc.cluster.local"}}`}
	strange := map[string]string{"kubernaut-system/approve": `{"spec": {"type": "ExternalName", "externalName": "elsewhere"}}`}
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"no kubectl":                         {[]string{"--kubectl", "no-such-kubectl"}, "install kubectl, or name it with KUBECTL="},
		"no command":                         {[]string{"--kubectl", ""}, "--kubectl names no command"},
		"the function is not deployed":       {[]string{"--kubectl", program(t, nil, "")}, "Is approve deployed in namespace kubernaut-system of this cluster? make deploy does that"},
		"names that stand for one another":   {[]string{"--kubectl", program(t, circle, "")}, "too many names"},
		"a name of nothing in the cluster":   {[]string{"--kubectl", program(t, strange, "")}, "no Service of the cluster"},
		"a forward that is refused":          {[]string{"--kubectl", program(t, services, "echo 'unable to forward port because pod is not running' >&2; exit 1")}, "pod is not running"},
		"a forward that says nothing":        {[]string{"--kubectl", program(t, services, "exit 0")}, "kubectl port-forward ended"},
		"a forward that ends after a moment": {[]string{"--kubectl", program(t, services, "echo 'Forwarding from 127.0.0.1:1 -> 80'; echo 'lost connection to pod' >&2")}, "lost connection to pod"},
		"an address that is taken":           {[]string{"--listen", "256.0.0.1:1"}, `ARGS="--listen 127.0.0.1:0" takes a free port`},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errs bytes.Buffer
			require.Equal(t, 1, run(t.Context(), append([]string{"--listen", "127.0.0.1:0"}, c.args...), &out, &errs))
			require.Contains(t, errs.String(), c.want)
		})
	}
}
