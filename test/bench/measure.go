package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"text/tabwriter"
	"time"
)

// options are the command's flags.
type options struct {
	root, only string
	// profile is a file for this process's processor profile, of the last part
	// measured. A stage that runs as a process of its own is not in it.
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
	out, err := os.Create(o.profile)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(out); err != nil {
		return nil, errors.Join(err, out.Close())
	}
	rows, err := p.run(ctx, b)
	pprof.StopCPUProfile()
	return rows, errors.Join(err, out.Close())
}
