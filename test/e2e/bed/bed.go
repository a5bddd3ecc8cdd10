package bed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"k8s.io/client-go/rest"
)

// ingressDomain ends the names of Knative Services: <service>.<namespace>.localhost.
const ingressDomain = "localhost"

// Platform is what the bed's real node runs images of.
const Platform = "linux/" + runtime.GOARCH

// Bed is a cluster that is up.
type Bed struct {
	// Kubeconfig is the administrator's file.
	Kubeconfig string
	// RESTConfig is the same for client-go.
	RESTConfig *rest.Config
	// Registry is host:port of the image registry, plain http, that the node
	// pulls every image from.
	Registry string
	// Ingress is the way to Knative Services from this machine.
	Ingress Ingress
	// Gateway is this machine's address as pods know it.
	Gateway      string
	Redis        *Service
	Postgres     *Service
	Alertmanager *Alertmanager

	site *site
}

// Ingress is where Knative's routes answer: send a request to URL with the Host
// header that Host gives, or use URL as an HTTP proxy.
type Ingress struct{ URL, Domain string }

// Host is the name that the route of a Knative Service answers to.
func (i Ingress) Host(service, namespace string) string {
	return service + "." + namespace + "." + i.Domain
}

// Up brings a bed up and returns when all of it is ready. When it fails, or ctx
// ends, what was made is gone again and the error names the logs, which stay.
// On a bed that is up it is ErrUp; what an interrupted one left is removed first.
func Up(ctx context.Context, options Options) (_ *Bed, err error) {
	options, err = options.validate()
	if err != nil {
		return nil, err
	}
	l := layout(options.State)
	unlock, err := lock(l)
	if err != nil {
		return nil, fmt.Errorf("bring bed up: %w", err)
	}
	defer unlock()
	if err := clear(ctx, l, options); err != nil {
		return nil, fmt.Errorf("bring bed up: %w", err)
	}
	if err := examine(ctx); err != nil {
		return nil, fmt.Errorf("bring bed up: %w", err)
	}
	s := &site{layout: l, options: options}
	// Before the clock starts: the first time, building takes half an hour.
	if err := s.findBinaries(ctx); err != nil {
		return nil, fmt.Errorf("bring bed up: %w", err)
	}
	bed, err := s.up(ctx)
	if err != nil {
		// Also when ctx has ended: what was made must go.
		gone := takeDown(context.WithoutCancel(ctx), l, keepLogs)
		return nil, errors.Join(fmt.Errorf("bring bed up: %w (logs: %s)", err, l.logs()), gone)
	}
	return bed, nil
}

func (s *site) up(ctx context.Context) (*Bed, error) {
	var err error
	if s.record, err = newRecord(s.options, time.Now()); err != nil {
		return nil, err
	}
	if err := s.configure(); err != nil {
		return nil, err
	}
	if err := writeJSON(s.layout.record(), s.record); err != nil {
		return nil, err
	}
	if s.supervisor, err = newSupervisor(s.layout); err != nil {
		return nil, err
	}
	bed, err := s.raise(ctx)
	if err != nil {
		return nil, err
	}
	s.record.Ready = time.Now()
	tell(s.options.Log, s.record.Began, "the bed is up")
	return bed, writeJSON(s.layout.record(), s.record)
}

// Open returns the bed that is up in a state folder, brought up by this program
// or another; ErrNotUp when none is. Empty is DefaultState.
func Open(state string) (*Bed, error) {
	options, err := Options{State: state}.validate()
	if err != nil {
		return nil, err
	}
	l := layout(options.State)
	s := &site{layout: l, options: options, record: &record{}}
	if err := readJSON(l.record(), s.record); err != nil {
		if missing(err) {
			return nil, fmt.Errorf("open bed: %w in %s", ErrNotUp, l)
		}
		return nil, fmt.Errorf("open bed: %w", err)
	}
	if why := broken(l, s.record); why != nil {
		return nil, fmt.Errorf("open bed: %w in %s, only what is left of one (%w); run up or down", ErrNotUp, l, why)
	}
	if err := s.findDistribution(); err != nil {
		return nil, fmt.Errorf("open bed: %w", err)
	}
	if s.supervisor, err = newSupervisor(l); err != nil {
		return nil, fmt.Errorf("open bed: %w", err)
	}
	if s.rest, s.client, err = connect(l); err != nil {
		return nil, fmt.Errorf("open bed: %w", err)
	}
	return s.bed()
}

// Down takes this bed down and leaves nothing of it.
func (b *Bed) Down(ctx context.Context) error { return Down(ctx, string(b.site.layout)) }

// Down takes down the bed in a state folder, whoever brought it up and however
// far that came, and leaves nothing of it on the machine. Where there is none it
// does nothing. Empty is DefaultState.
func Down(ctx context.Context, state string) error {
	options, err := Options{State: state}.validate()
	if err != nil {
		return err
	}
	l := layout(options.State)
	if _, err := os.Stat(string(l)); missing(err) && !leftOnNetwork(ctx, l) {
		return nil
	}
	unlock, err := lock(l)
	if err != nil {
		return fmt.Errorf("take bed down: %w", err)
	}
	defer unlock()
	if err := takeDown(ctx, l, dropLogs); err != nil {
		return fmt.Errorf("take bed down: %w", err)
	}
	return nil
}
