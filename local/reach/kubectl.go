package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"kubernaut.ai/local/kubectl"
)

// maxAliases bounds how many ExternalName Services may stand for one another.
const maxAliases = 4

// httpPort is where ingresses serve what needs no TLS.
const httpPort = 80

// place is a Service that stands for the ingress.
type place struct{ namespace, name string }

// ingress follows the function's Service, which Knative makes stand for its
// ingress, to what that is in this cluster, and says which domain the cluster
// has.
func (o options) ingress(ctx context.Context) (at place, domain string, err error) {
	at, domain = place{o.namespace, o.service}, "cluster.local"
	for range maxAliases {
		service, err := o.serviceAt(ctx, at)
		if err != nil {
			return at, "", err
		}
		if service.Spec.Type != corev1.ServiceTypeExternalName {
			return at, domain, nil
		}
		// service.namespace.svc.domain
		parts := strings.SplitN(service.Spec.ExternalName, ".", 4)
		if len(parts) < 2 {
			return at, "", fmt.Errorf("service %s of namespace %s stands for %q, which is no Service of the cluster", at.name, at.namespace, service.Spec.ExternalName)
		}
		at = place{namespace: parts[1], name: parts[0]}
		if len(parts) == 4 {
			domain = parts[3]
		}
	}
	return at, "", fmt.Errorf("service %s of namespace %s: too many names stand for one another", o.service, o.namespace)
}

func (o options) serviceAt(ctx context.Context, at place) (*corev1.Service, error) {
	text, err := o.kubectl.Output(ctx, "get", "service", at.name, "--namespace", at.namespace, "--output", "json")
	if errors.Is(err, kubectl.ErrNotFound) {
		return nil, fmt.Errorf("%w\n  Is %s deployed in namespace %s of this cluster? make deploy does that", err, o.service, o.namespace)
	}
	if err != nil {
		return nil, err
	}
	var s corev1.Service
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, fmt.Errorf("read service %s: %w", at.name, err)
	}
	return &s, nil
}

// forward is a port of the ingress on this machine.
type forward struct {
	address string
	// ended says why it ended.
	ended chan error
}

// forwarding is what kubectl prints once it listens.
var forwarding = regexp.MustCompile(`^Forwarding from (127\.0\.0\.1:\d+) -> `)

// open forwards a free port of this machine until the context ends.
func (o options) open(ctx context.Context, to place) (*forward, error) {
	cmd := o.kubectl.Cmd(ctx, "port-forward", "--namespace", to.namespace, "--address", "127.0.0.1", "service/"+to.name, ":"+strconv.Itoa(httpPort))
	var said kubectl.Said
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, kubectl.Explain(err, "")
	}
	f := &forward{ended: make(chan error, 1)}
	lines := bufio.NewScanner(out)
	for f.address == "" && lines.Scan() {
		if m := forwarding.FindStringSubmatch(lines.Text()); m != nil {
			f.address = m[1]
		}
	}
	go func() {
		_, _ = io.Copy(io.Discard, out) // one line a connection
		f.ended <- kubectl.Explain(errors.Join(errEnded, cmd.Wait()), said.String())
	}()
	if f.address == "" {
		return nil, <-f.ended
	}
	if _, _, err := net.SplitHostPort(f.address); err != nil {
		return nil, err
	}
	return f, nil
}

var errEnded = errors.New("kubectl port-forward ended")
