package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"time"

	// The schemes of --history.
	_ "kubernaut.ai/shared/history/postgres"
	_ "kubernaut.ai/shared/history/sqlite"

	"kubernaut.ai/local/replay"
	"kubernaut.ai/local/system"
	"kubernaut.ai/local/terminal"
	"kubernaut.ai/shared/stage"
)

// stopTimeout bounds an orderly stop.
const stopTimeout = 10 * time.Second

// do is the command behind its flags.
func (o *options) do(ctx context.Context) (int, error) {
	switch {
	case o.redrive:
		return 0, o.redriveAll(ctx)
	case o.forget != "":
		return 0, o.forgetOne(ctx)
	case o.event != "":
		return 0, o.printEvent()
	}
	stories, err := o.stories()
	if err != nil {
		return 1, err
	}
	closeMetrics, err := system.ExposeMetrics()
	if err != nil {
		return 1, err
	}
	defer closeMetrics()
	s, err := system.Start(ctx, o.system)
	if err != nil {
		return 1, err
	}
	defer stop(s)
	if _, err := s.WriteSettings(); err != nil {
		return 1, err
	}
	p := o.printer()
	o.welcome(p, s)
	if err := o.awaitElsewhere(ctx, p); err != nil {
		return 0, ignoreCancel(err)
	}
	bad, err := o.replay(ctx, p, s, stories)
	if err != nil || o.once {
		return exitCode(bad), ignoreCancel(err)
	}
	o.invite(p, s)
	w := watcher{system: s, printer: p, jsonLines: o.jsonLines, out: o.out, started: time.Now()}
	return 0, ignoreCancel(w.run(ctx))
}

func stop(s *system.System) {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "kubernaut: stop:", err)
	}
}

func exitCode(bad int) int {
	if bad > 0 {
		return 1
	}
	return 0
}

// ignoreCancel makes Ctrl-C an orderly end.
func ignoreCancel(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func (o *options) printer() *terminal.Printer {
	if o.jsonLines {
		return terminal.Plain(io.Discard)
	}
	return terminal.New(o.out)
}

// stories are the samples to tell: none on a real cluster, where their
// objects have no place.
func (o *options) stories() ([]replay.Story, error) {
	if o.samples == none || o.samples == "" || !o.system.Simulated() {
		return nil, nil
	}
	dir := o.samples
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(o.system.Root, dir)
	}
	return replay.Load(dir)
}

func (o *options) welcome(p *terminal.Printer, s *system.System) {
	p.Printf("Kubernaut is up at %s on %s: %d functions behind an embedded Broker.\n", s.URL(), s.Where(), len(system.Stages()))
	switch {
	case o.system.DryRun:
		p.Printf("Dry run: nothing will be changed.\n")
	case !o.system.Simulated():
		p.Printf("It acts there, on what is labelled kubernaut.ai/managed=true and on nothing else; --dry-run changes nothing.\n")
	}
	for _, store := range o.stores() {
		p.Printf("It shares %s with whoever else works there.\n", store)
	}
}

// stores are those that are not embedded, without their passwords: they may have
// been named in the environment, for another command.
func (o *options) stores() []string {
	var out []string
	for _, s := range []struct{ what, url, setting string }{
		{"the claims", o.system.RedisURL, stage.EnvRedis},
		{"the history", o.system.HistoryURL, stage.EnvHistory},
	} {
		if s.url == "" {
			continue
		}
		// A password may also stand in the query.
		at := "the address given"
		if u, err := url.Parse(s.url); err == nil {
			at = u.Host + u.Path
		}
		out = append(out, fmt.Sprintf("%s at %s (%s)", s.what, at, s.setting))
	}
	return out
}

func printJSON(out io.Writer, v any) error { return json.NewEncoder(out).Encode(v) }
