package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Bounds of what kubectl may say and take.
const (
	maxSaid = 64 << 10
	// stopWithin is how long it may take to end when it is told to.
	stopWithin = 5 * time.Second
	// maxAliases bounds how many ExternalName Services may stand for one another.
	maxAliases = 4
)

// httpPort is where ingresses serve what needs no TLS.
const httpPort = 80

// command is one run of kubectl, in a process group that ends with the context.
func (o options) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, o.kubectl[0], append(o.kubectl[1:len(o.kubectl):len(o.kubectl)], args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = stopWithin
	return cmd
}

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
	cmd := o.command(ctx, "get", "service", at.name, "--namespace", at.namespace, "--output", "json")
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return nil, o.explain(err, said.String())
	}
	var s corev1.Service
	if err := json.Unmarshal(out.Bytes(), &s); err != nil {
		return nil, fmt.Errorf("read service %s: %w", at.name, err)
	}
	return &s, nil
}

// explain adds to what kubectl said what to do about it.
func (o options) explain(err error, said string) error {
	said = strings.TrimSpace(said[:min(len(said), maxSaid)])
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return fmt.Errorf("%w: install kubectl, or name it with KUBECTL=...", err)
	case strings.Contains(said, "NotFound"):
		return fmt.Errorf("%s\n  Is %s deployed in namespace %s of this cluster? make deploy does that; KUBECTL=\"kubectl --context NAME\" names another cluster", said, o.service, o.namespace)
	}
	return fmt.Errorf("%w: %s", err, said)
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
	cmd := o.command(ctx, "port-forward", "--namespace", to.namespace, "--address", "127.0.0.1", "service/"+to.name, ":"+strconv.Itoa(httpPort))
	var said tail
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, o.explain(err, "")
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
		f.ended <- o.explain(errors.Join(errEnded, cmd.Wait()), said.String())
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

// tail keeps the last of what is written.
type tail struct{ kept []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if n := len(t.kept) - maxSaid; n > 0 {
		t.kept = t.kept[n:]
	}
	return len(p), nil
}

func (t *tail) String() string { return string(t.kept) }
