package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
)

const (
	// storyWithin bounds one story, deaths included.
	storyWithin = 30 * time.Second
	// quietFor says that a story's last calls have been made.
	quietFor = 100 * time.Millisecond
)

// point is one disturbance of one story.
type point struct {
	plot string
	site string
	at   moment
	// empties says that Redis forgets everything instead of the child dying.
	empties bool
	// cold calls are made only by a child that has just started.
	cold bool
}

func (p point) String() string {
	what := "killed"
	if p.empties {
		what = "Redis emptied"
	}
	return fmt.Sprintf("%s: %s %s %s", p.plot, what, p.at, p.site)
}

// result is how a disturbed story went.
type result struct {
	point
	reached bool
	took    time.Duration
	err     error
}

// disturb tells one story with a disturbance; nil is none.
func (w *world) disturb(ctx context.Context, plot string, p *point) (r result) {
	ctx, cancel := context.WithTimeout(ctx, storyWithin)
	defer cancel()
	if p != nil && p.cold {
		if r.err = w.restart(); r.err != nil {
			return r
		}
	}
	s, err := w.stage(ctx, plot)
	if err != nil {
		r.err = err
		return r
	}
	var t *trap
	if p != nil {
		r.point = *p
		t = &trap{site: p.site, at: p.at, spring: w.restart, kills: true, sprung: make(chan struct{})}
		if p.empties {
			t.spring, t.kills = w.empty, false
		}
	}
	w.control.begin(t)
	started := time.Now()
	r.err = s.tell(ctx)
	r.took = time.Since(started)
	if t != nil {
		if r.reached = t.reached(); r.reached {
			r.err = errors.Join(t.err, r.err)
		}
	}
	if r.err == nil {
		r.err = s.strike(ctx)
	}
	return r
}

// tell lets the story happen and insists on a good end.
func (s *story) tell(ctx context.Context) error {
	if err := s.fire(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	resolved := make(chan error, 1)
	go func() { resolved <- s.resolve(ctx) }()
	defer func() {
		cancel()
		<-resolved
	}()
	var pending error
	err := until(ctx, func() (bool, error) {
		select {
		case err := <-resolved:
			resolved <- nil // for whoever waits at the end
			if err != nil {
				return false, err
			}
		default:
			pending = errors.New("the fault is still there")
			return false, s.lives()
		}
		pending = s.over(ctx)
		return pending == nil, s.lives()
	})
	if err != nil {
		return fmt.Errorf("%w: %w\n%s", err, pending, s.account())
	}
	if err := s.check(ctx); err != nil {
		return fmt.Errorf("%w\n%s", err, s.account())
	}
	return nil
}

// over tells, by an error, what is not at its end yet.
func (s *story) over(ctx context.Context) error {
	r, err := s.history.Remediation(ctx, s.remediation)
	if err != nil {
		return err
	}
	if !r.Ended() {
		return fmt.Errorf("history has it at %s", r.Phase)
	}
	claim, err := s.ledger.Get(ctx, r.Fingerprint)
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return err
	}
	// A claim that was forgotten after it was settled is none that is stuck.
	if err == nil && claim.Live() {
		return fmt.Errorf("the claim is %s at %s", claim.State, claim.Phase)
	}
	due, err := s.ledger.CountDue(ctx)
	if err != nil {
		return err
	}
	if due.Total > 0 {
		return fmt.Errorf("%d items are on the due list", due.Total)
	}
	if !s.control.quiet(quietFor) {
		return errors.New("there are calls still")
	}
	return nil
}

// check holds the verdict against the cluster.
func (s *story) check(ctx context.Context) error {
	entries, err := s.history.Timeline(ctx, s.remediation)
	if err != nil {
		return err
	}
	ends := 0
	for _, e := range entries {
		if !e.Terminal {
			continue
		}
		ends++
		if e.Type != event.RemediationClosed || e.Outcome != event.OutcomeHealed {
			return fmt.Errorf("it ended with %s: %s (%s)", event.ShortType(e.Type), e.Outcome, e.Reason)
		}
	}
	if ends != 1 {
		return fmt.Errorf("it ended %d times", ends)
	}
	if err := s.mended(ctx); err != nil {
		return fmt.Errorf("it is told to be healed, but %w", err)
	}
	return s.once()
}

// once counts the changes at the API server's side.
func (s *story) once() error {
	var changes []string
	for _, m := range s.cluster.Mutations() {
		if m.Namespace == s.namespace {
			changes = append(changes, fmt.Sprintf("%s %s/%s of %s by %s, applied %s", m.Verb, m.Resource.Resource, m.Name, m.Namespace, m.UserAgent, m.Applied))
		}
	}
	if len(changes) != 1 {
		return fmt.Errorf("the API server counted %d changes: %s", len(changes), strings.Join(changes, "; "))
	}
	if want := fmt.Sprintf("patch deployments/%s of %s by kubernaut-execute, applied %s/1", deployment, s.namespace, s.remediation); changes[0] != want {
		return fmt.Errorf("the change was %s, not %s", changes[0], want)
	}
	return nil
}

// account is what is known of a story that went wrong.
func (s *story) account() string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var b strings.Builder
	fmt.Fprintf(&b, "remediation %s in %s of world %s\n", s.remediation, s.namespace, s.name)
	entries, err := s.history.Timeline(ctx, s.remediation)
	fmt.Fprintf(&b, "history (%v):\n", err)
	var fingerprint string
	for _, e := range entries {
		fingerprint = e.Fingerprint
		fmt.Fprintf(&b, "  %s %s %s %s %s %s\n", e.Time.Format("05.000"), event.ShortType(e.Type), e.Action, e.Outcome, e.Reason, e.ID)
	}
	claim, err := s.ledger.Get(ctx, fingerprint)
	fmt.Fprintf(&b, "claim (%v): %+v\n", err, claim)
	b.WriteString(s.scene(ctx))
	fmt.Fprintf(&b, "calls:\n  %s\n", strings.Join(s.control.seen(), "\n  "))
	fmt.Fprintf(&b, "log:\n%s\n", tail(filepath.Join(s.dir, "functions.log")))
	return b.String()
}
