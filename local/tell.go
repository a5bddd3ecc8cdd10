package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"kubernaut.ai/local/replay"
	"kubernaut.ai/local/system"
	"kubernaut.ai/local/terminal"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/history"
	"kubernaut.ai/shared/timeline"
)

// told is one line of --json.
type told struct {
	Story        string          `json:"story,omitempty"`
	Expected     string          `json:"expected,omitempty"`
	Reason       string          `json:"reason,omitempty"`
	Wrong        string          `json:"wrong,omitempty"`
	Statuses     map[int]int     `json:"statuses,omitempty"`
	Remediations []timeline.View `json:"remediations"`
}

// replay tells all stories at once, as an incident would, and prints them in
// their order. It returns how many ended otherwise than they should.
func (o *options) replay(ctx context.Context, p *terminal.Printer, s *system.System, stories []replay.Story) (int, error) {
	if len(stories) == 0 {
		return 0, nil
	}
	p.Printf("Replaying %d stories; each takes a few seconds, most of them waiting to see whether the action helped.\n", len(stories))
	runner := replay.Runner{System: s, Client: &http.Client{}, Now: time.Now, DryRun: o.system.DryRun}
	results, errs := make([]replay.Result, len(stories)), make([]error, len(stories))
	done := make([]chan struct{}, len(stories))
	var group sync.WaitGroup
	defer group.Wait()
	for i, story := range stories {
		done[i] = make(chan struct{})
		group.Go(func() {
			defer close(done[i])
			results[i], errs[i] = runner.Run(ctx, story)
		})
	}
	bad := 0
	for i := range stories {
		<-done[i]
		if errs[i] != nil {
			results[i].Wrong = o.blame(ctx, errs[i])
		}
		if err := o.print(ctx, p, s, results[i]); err != nil {
			return bad, err
		}
		if results[i].Wrong != "" {
			bad++
		}
		if ctx.Err() != nil {
			return bad, ctx.Err()
		}
	}
	p.Printf("\n%d of %d stories ended as they should.\n", len(stories)-bad, len(stories))
	if o.system.DryRun {
		bad += proveDryRun(p, s)
	}
	return bad, nil
}

// proveDryRun says what the API server has seen, not what we meant to do; it
// returns how many writes there were that should not have been.
func proveDryRun(p *terminal.Printer, s *system.System) int {
	tried, made := len(s.Cluster().DryRuns()), len(s.Cluster().Mutations())
	if made > 0 {
		p.Wrong(fmt.Sprintf("this is a dry run, and %d writes have changed something in the cluster", made))
		return made
	}
	p.Printf("Nothing was changed: the API server was asked %d times what would come of a write, and made none.\n", tried)
	return 0
}

func (o *options) print(ctx context.Context, p *terminal.Printer, s *system.System, r replay.Result) error {
	for i := range r.Remediations {
		counted(ctx, s, &r.Remediations[i])
	}
	if o.jsonLines {
		return printJSON(o.out, told{Story: r.Story.Name, Expected: r.Expected, Reason: r.Reason, Wrong: r.Wrong, Statuses: r.Statuses, Remediations: r.Remediations})
	}
	p.Title(r.Story.Title)
	for _, v := range r.Remediations {
		p.Timeline(v)
	}
	if len(r.Remediations) == 0 && r.Reason != "" {
		p.Note("no remediation: " + r.Reason)
	}
	if r.Wrong != "" {
		p.Wrong(r.Wrong)
	}
	return nil
}

// counted takes the number of duplicates from the claim: history is told of
// them at a bounded rate only.
func counted(ctx context.Context, s *system.System, v *timeline.View) {
	found, err := s.History().Remediation(ctx, v.ID)
	if err != nil {
		return
	}
	if c, err := s.Ledger().Get(ctx, found.Fingerprint); err == nil && c.Remediation == v.ID {
		v.Duplicates = c.Duplicates
	}
}

// invite says how to go on.
func (o *options) invite(p *terminal.Printer, s *system.System) {
	p.Printf(`
Now it is your turn. Point an Alertmanager here, or post an alert yourself:

  curl -s %[1]s/api/v1/signals/prometheus -H 'Content-Type: application/json' -d '{
    "version": "4", "status": "firing", "receiver": "kubernaut", "alerts": [{"status": "firing",
      "labels": {"alertname": "KubePodCrashLooping", "namespace": "shop", "deployment": "basket", "severity": "warning"},
      "startsAt": "%[2]s"}]}'

  receivers:                          # alertmanager.yml
    - name: kubernaut
      webhook_configs:
        - url: %[1]s/api/v1/signals/prometheus

What happened: %[1]s/api/v1/remediations   metrics: %[1]s/metrics   logs: %[3]s
The cluster:   %[4]s   settings for func run: make env
Stop with Ctrl-C.
`, s.URL(), time.Now().UTC().Format(time.RFC3339), s.Settings()["LOG_OUTPUT"], s.Kubectl())
}

// watcher prints the remediations that people's own alerts open.
type watcher struct {
	system    *system.System
	printer   *terminal.Printer
	jsonLines bool
	out       *os.File
	started   time.Time
}

const (
	watchEvery = 500 * time.Millisecond
	// wholeWithin is how long the rest of a story may take to reach history.
	wholeWithin = 5 * time.Second
)

func (w watcher) run(ctx context.Context) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	shown := map[string]string{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-w.system.Failures():
			return err
		case <-tick.C:
		}
		if err := w.look(ctx, shown); err != nil {
			fmt.Fprintln(os.Stderr, "kubernaut: watch history:", err)
		}
	}
}

// look prints each remediation once when it is held and once when it ends.
func (w watcher) look(ctx context.Context, shown map[string]string) error {
	found, err := w.system.History().Remediations(ctx, history.Filter{Limit: history.MaxPage})
	if err != nil {
		return err
	}
	slices.Reverse(found)
	for _, f := range found {
		state := ""
		switch {
		case f.Ended():
			state = "ended"
		case f.Phase == event.RemediationHeld:
			state = "held " + f.Last
		}
		if state == "" || shown[f.ID] == state || f.LastAt.Before(w.started) {
			continue
		}
		done, err := w.show(ctx, f.ID)
		if err != nil {
			return err
		}
		if done {
			shown[f.ID] = state
		}
	}
	return nil
}

// show prints a remediation, unless something of it is still on its way to
// history.
func (w watcher) show(ctx context.Context, id string) (bool, error) {
	entries, err := w.system.History().Timeline(ctx, id)
	if err != nil {
		return false, err
	}
	if !timeline.Whole(entries) && time.Since(entries[len(entries)-1].Time) < wholeWithin {
		return false, nil
	}
	v, err := timeline.Of(entries)
	if err != nil {
		return false, err
	}
	counted(ctx, w.system, &v)
	if w.jsonLines {
		return true, printJSON(w.out, told{Remediations: []timeline.View{v}})
	}
	w.printer.Title(fmt.Sprintf("%s  %s", v.OpenedAt.Local().Format(time.TimeOnly), v.Alert))
	w.printer.Timeline(v)
	return true, nil
}
