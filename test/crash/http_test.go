package main

import (
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"kubernaut.ai/shared/event"
)

// counted is a RoundTripper whose every request is a call. Answers are read
// whole, so that after means after all of it.
type counted struct {
	control *control
	name    func(*http.Request) string
	next    func(*http.Request) (*http.Response, error)
}

func (c counted) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	err = c.control.call(c.name(r), func() error {
		if resp, err = c.next(r); err != nil {
			return err
		}
		defer func() { _ = resp.Body.Close() }()
		body, err := io.ReadAll(resp.Body)
		resp.Body = io.NopCloser(bytes.NewReader(body))
		return err
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}

func proxyTo(target *url.URL, transport http.RoundTripper) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: transport,
		ErrorLog:  log.New(io.Discard, "", 0),
		// Nobody is there to read an answer.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
}

// serve serves until the test ends; it does not wait for open requests.
func serve(t *testing.T, handler http.Handler, secure bool) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(handler)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	if secure {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

// startAPIProxy stands before an API server and returns the kubeconfig's path.
func startAPIProxy(t *testing.T, upstream *rest.Config, c *control) string {
	t.Helper()
	target, err := url.Parse(upstream.Host)
	require.NoError(t, err)
	transport, err := rest.TransportFor(upstream)
	require.NoError(t, err)
	s := serve(t, proxyTo(target, counted{control: c, name: apiCall, next: transport.RoundTrip}), true)

	config := clientcmdapi.NewConfig()
	config.Clusters["crash"] = &clientcmdapi.Cluster{Server: s.URL,
		CertificateAuthorityData: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})}
	config.AuthInfos["crash"] = &clientcmdapi.AuthInfo{Token: upstream.BearerToken}
	config.Contexts["crash"] = &clientcmdapi.Context{Cluster: "crash", AuthInfo: "crash"}
	config.CurrentContext = "crash"
	raw, err := clientcmd.Write(*config)
	require.NoError(t, err)
	path := t.TempDir() + "/kubeconfig"
	require.NoError(t, os.WriteFile(path, raw, 0o600))
	return path
}

// apiCall names a request by stage, verb and resource.
func apiCall(r *http.Request) string {
	stage := strings.TrimPrefix(r.UserAgent(), "kubernaut-")
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	// /api/v1/... or /apis/<group>/<version>/...
	skip := 2
	if parts[0] == "apis" {
		skip = 3
	}
	if len(parts) <= skip {
		return fmt.Sprintf("api %s %s %s", stage, r.Method, r.URL.Path)
	}
	parts = parts[skip:]
	if parts[0] == "namespaces" && len(parts) > 2 {
		parts = parts[2:]
	}
	resource := parts[0]
	if len(parts) == 1 && r.Method == http.MethodGet {
		resource += " (list)"
	}
	if len(parts) > 2 {
		resource += "/" + parts[2]
	}
	if r.URL.Query().Get("dryRun") != "" {
		resource += " (dry run)"
	}
	return fmt.Sprintf("api %s %s %s", stage, r.Method, resource)
}

// startDesk serves what the child asks of the test by HTTP: to publish, to
// pass a checkpoint, and to say where it is.
func startDesk(t *testing.T, c *control, front *address) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	publish := func(r *http.Request) (*http.Response, error) {
		to, err := front.wait(r.Context())
		if err != nil {
			return nil, err
		}
		r.URL.Scheme, r.URL.Host, r.URL.Path = "http", strings.TrimPrefix(to, "http://"), "/kubernaut-system/kubernaut"
		return transport.RoundTrip(r)
	}
	mux.Handle(sinkPath, proxyTo(&url.URL{Scheme: "http", Host: "child"}, counted{control: c, next: publish,
		name: func(r *http.Request) string { return "publish " + event.ShortType(r.Header.Get("Ce-Type")) }}))
	mux.HandleFunc("POST /enter", func(w http.ResponseWriter, r *http.Request) {
		site := c.enter(r.FormValue("name"))
		if c.pass(site, before) != nil {
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, site)
	})
	mux.HandleFunc("POST /leave", func(_ http.ResponseWriter, r *http.Request) {
		if c.pass(r.FormValue("site"), after) != nil {
			panic(http.ErrAbortHandler)
		}
	})
	mux.HandleFunc("POST /hello", func(_ http.ResponseWriter, r *http.Request) { front.set(r.FormValue("front")) })
	return serve(t, mux, false)
}

// address is where the living child is; empty while there is none.
type address struct {
	mu      sync.Mutex
	to      string
	changed chan struct{}
}

func newAddress() *address { return &address{changed: make(chan struct{})} }

func (a *address) set(to string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.to = to
	close(a.changed)
	a.changed = make(chan struct{})
}

func (a *address) get() (string, chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.to, a.changed
}

// wait returns the address as soon as there is one.
func (a *address) wait(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	for {
		to, changed := a.get()
		if to != "" {
			return to, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return "", fmt.Errorf("wait for the child: %w", ctx.Err())
		}
	}
}

// startWithin bounds a child's start.
const startWithin = 30 * time.Second
