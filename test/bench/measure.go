package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strings"
	"text/tabwriter"
	"time"
)

// options are the command's flags.
type options struct {
	root, only string
	// profile is a folder for processor profiles: one of this process for each part,
	// and one of each process that a part starts.
	profile string
	length  time.Duration
}

// row is one line of the table.
type row struct{ what, got, target, cpu string }

// part is one thing to measure.
type part struct {
	name string
	run  func(ctx context.Context, b *bed) ([]row, error)
}

func parts() []part {
	return []part{
		{"harness", harness},
		{"gateway-duplicates", gatewayDuplicates},
		{"gateway-new", gatewayNew},
		{"pipeline", pipeline},
		{"cold-start", coldStart},
		{"memory", memory},
	}
}

func names() []string {
	var out []string
	for _, p := range parts() {
		out = append(out, p.name)
	}
	return out
}

// measure runs the parts one after the other and prints the table.
func (o options) measure(ctx context.Context) error {
	b, err := newBed(ctx, o)
	if err != nil {
		return err
	}
	defer b.close()
	fmt.Printf("%s, %d processors, %s, Redis: %s\n\n", runtime.Version(), runtime.NumCPU(), time.Now().Format(time.DateOnly), b.redisKind)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "WHAT\tMEASURED\tTO REACH\tCPU (server + client)")
	for _, p := range parts() {
		if o.only != "" && !strings.Contains(p.name, o.only) {
			continue
		}
		rows, err := o.profiled(ctx, b, p)
		if err != nil {
			return fmt.Errorf("measure %s: %w", p.name, err)
		}
		for _, r := range rows {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.what, r.got, r.target, r.cpu)
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// profiled runs a part, under the processor profiler where one asked for it.
func (o options) profiled(ctx context.Context, b *bed, p part) ([]row, error) {
	if o.profile == "" {
		return p.run(ctx, b)
	}
	if err := os.MkdirAll(o.profile, 0o755); err != nil {
		return nil, fmt.Errorf("make folder for profiles: %w", err)
	}
	stop, err := profileInto(filepath.Join(o.profile, p.name+".pprof"))
	if err != nil {
		return nil, err
	}
	rows, err := p.run(ctx, b)
	return rows, errors.Join(err, stop())
}

// profileInto profiles this process until it is told to stop.
func profileInto(path string) (stop func() error, err error) {
	out, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("make profile: %w", err)
	}
	if err := pprof.StartCPUProfile(out); err != nil {
		return nil, errors.Join(fmt.Errorf("start profile: %w", err), out.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return out.Close()
	}, nil
}
