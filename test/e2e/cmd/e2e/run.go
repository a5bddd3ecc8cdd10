package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"kubernaut.ai/test/e2e/bed"
	"kubernaut.ai/test/e2e/product"
	"kubernaut.ai/test/e2e/toolchain"
)

type options struct {
	keep, installOnly, asItIs, bench, again bool
	pattern, own                            string
	fakeNodes                               int
	timeout                                 time.Duration
	stdout, stderr                          io.Writer
}

// run does all of it; the cluster goes at the end if it came at the beginning.
func (o options) run(ctx context.Context) (err error) {
	began := time.Now()
	if o.own != "" {
		err = o.onOwn(ctx)
	} else {
		err = o.onBed(ctx)
	}
	if err == nil {
		o.tell("all of it", began)
	}
	return err
}

// onOwn uses a cluster that the user has, and leaves it up.
func (o options) onOwn(ctx context.Context) (err error) {
	kubeconfig, err := filepath.Abs(o.own)
	if err != nil {
		return err
	}
	site, err := product.OnOwn(kubeconfig)
	if err != nil {
		return err
	}
	if o.installOnly {
		return o.install(ctx, site)
	}
	p, err := o.build(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.remove()) }()
	if err := o.install(ctx, site); err != nil {
		return err
	}
	return o.scenarios(ctx, p, target+"="+kubeconfig)
}

func (o options) onBed(ctx context.Context) (err error) {
	if err := o.programs(ctx); err != nil {
		return err
	}
	if o.all() {
		began := time.Now()
		if err := o.ownTests(ctx); err != nil {
			return err
		}
		o.tell("tests of what the scenarios stand on", began)
	}
	var p *program
	if !o.installOnly {
		if p, err = o.build(ctx); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, p.remove()) }()
	}
	b, own, err := o.cluster(ctx)
	if err != nil {
		return err
	}
	if own && !o.keep && !o.installOnly {
		defer func() { err = errors.Join(err, b.Down(context.WithoutCancel(ctx))) }()
	}
	if err := o.use(ctx, b, p); err != nil {
		folder, kept := keepLogs(context.WithoutCancel(ctx), b)
		return errors.Join(fmt.Errorf("%w (logs: %s)", err, folder), kept)
	}
	return nil
}

// use installs the product on the bed, and runs the program where there is one.
func (o options) use(ctx context.Context, b *bed.Bed, p *program) error {
	if err := o.install(ctx, product.OnBed(b)); err != nil || p == nil {
		return err
	}
	return o.scenarios(ctx, p, target+"=bed", b.Mark())
}

// all says whether nothing was asked for but all of it.
func (o options) all() bool { return !o.bench && !o.installOnly && !o.asItIs && o.pattern == "" }

// tell says how long something took.
func (o options) tell(what string, since time.Time) {
	fmt.Fprintf(o.stderr, "e2e: %s in %s\n", what, time.Since(since).Round(time.Second))
}

// programs builds whatever may be needed before anything runs that it would
// starve.
func (o options) programs(ctx context.Context) error {
	_, err := toolchain.Ensure(ctx, toolchain.Options{Log: o.stderr})
	return err
}

// cluster is the bed that is up, made whole, or a new one, which is own.
func (o options) cluster(ctx context.Context) (b *bed.Bed, own bool, err error) {
	b, err = bed.Up(ctx, bed.Options{FakeNodes: o.fakeNodes, Log: o.stderr})
	if errors.Is(err, bed.ErrUp) {
		if b, err = bed.Open(""); err == nil {
			err = b.Mend(ctx)
		}
		return b, false, err
	}
	return b, err == nil, err
}

func (o options) install(ctx context.Context, site product.Options) error {
	if o.asItIs {
		return nil
	}
	paths, err := toolchain.Ensure(ctx, toolchain.Options{Log: o.stderr}, "func", "kubectl")
	if err != nil {
		return err
	}
	site.Func, site.Kubectl, site.Log = paths["func"], paths["kubectl"], o.stderr
	return product.Install(ctx, site)
}
