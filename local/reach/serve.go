package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"

	"kubernaut.ai/shared/stage"
)

const (
	readHeaderTimeout = 5 * time.Second
	// endWithin is how long requests that are under way may take at the end.
	endWithin = 5 * time.Second
)

// serve passes requests of this machine on to the function until the context
// ends, or the forward does.
func (o options) serve(ctx context.Context, stdout io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	listener, err := net.Listen("tcp", o.listen)
	if err != nil {
		return fmt.Errorf("listen on %s (ARGS=\"--listen 127.0.0.1:0\" takes a free port): %w", o.listen, err)
	}
	defer listener.Close()
	at, domain, err := o.ingress(ctx)
	if err != nil {
		return err
	}
	f, err := o.open(ctx, at)
	if err != nil {
		return err
	}
	host := o.service + "." + o.namespace + ".svc." + domain
	server := &http.Server{Handler: proxy(f.address, host), ReadHeaderTimeout: readHeaderTimeout}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	o.tell(stdout, "http://"+listener.Addr().String(), at)
	select {
	case err = <-f.ended:
	case err = <-served:
	case <-ctx.Done():
	}
	over, done := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
	defer done()
	return errors.Join(err, server.Shutdown(over))
}

func (o options) tell(stdout io.Writer, at string, through place) {
	fmt.Fprintf(stdout, `%[1]s is reached at %[2]s, through %[3]s of namespace %[4]s, until Ctrl-C. In another shell:

  TOKEN=...   # a bearer token that the API server takes: your own, or kubectl create token NAME -n NAMESPACE
  curl -H "Authorization: Bearer $TOKEN" "%[2]s/api/v1/remediations?phase=remediation.held"
`, o.service, at, through.name, through.namespace)
}

// proxy passes on what comes from this machine, addressed to the function by
// its name in the cluster. The forwarded-for headers stay off: the function
// does not look at them.
func proxy(address, host string) http.Handler {
	next := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: address})
			r.Out.Host = host
		},
		ErrorLog: log.New(io.Discard, "", 0), // whoever asked is told
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			stage.Problem{Type: stage.ProblemUnavailable, Status: http.StatusBadGateway, Detail: "The cluster's ingress does not answer: " + err.Error()}.Write(w, r)
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := stage.FromLoopback(r); err != nil {
			stage.Problem{Type: stage.ProblemForbidden, Status: http.StatusForbidden, Detail: err.Error()}.Write(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}
