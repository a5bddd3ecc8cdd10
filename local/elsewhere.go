package main

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"kubernaut.ai/local/terminal"
)

// Bounds of the look for functions that run elsewhere.
const (
	// elsewhereWithin is how long --once waits for them; without it there is
	// time to build one.
	elsewhereWithin = 2 * time.Minute
	elsewhereEvery  = 250 * time.Millisecond
	dialWithin      = time.Second
)

// absent are the functions of --function at whose address nobody listens, each
// with that address, sorted.
func absent(ctx context.Context, elsewhere map[string]string) (list []string) {
	for _, stage := range slices.Sorted(maps.Keys(elsewhere)) {
		if err := listens(ctx, elsewhere[stage]); err != nil {
			list = append(list, fmt.Sprintf("nobody listens at %s for %s: %v", elsewhere[stage], stage, err))
		}
	}
	return list
}

func listens(ctx context.Context, address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	conn, err := (&net.Dialer{Timeout: dialWithin}).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return err
	}
	return conn.Close()
}

// awaitElsewhere waits until every function of --function is there: it takes
// its settings from this system, so it can only be started now.
func (o *options) awaitElsewhere(ctx context.Context, p *terminal.Printer) error {
	missing := absent(ctx, o.system.Elsewhere)
	if len(missing) == 0 {
		return nil
	}
	p.Printf("Waiting: %s.\nStart it in another shell: eval \"$(make env)\", then func run --address HOST:PORT in its folder of functions/.\n",
		strings.Join(missing, ";\n  "))
	var late <-chan time.Time
	if o.once {
		timer := time.NewTimer(o.patience)
		defer timer.Stop()
		late = timer.C
	}
	tick := time.NewTicker(elsewhereEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-late:
			return fmt.Errorf("--function: %s", strings.Join(missing, "; "))
		case <-tick.C:
		}
		if missing = absent(ctx, o.system.Elsewhere); len(missing) == 0 {
			return nil
		}
	}
}

// blame adds to why a story could not be told what is known to be missing.
func (o *options) blame(ctx context.Context, err error) string {
	missing := absent(context.WithoutCancel(ctx), o.system.Elsewhere)
	return strings.Join(append([]string{err.Error()}, missing...), "; ")
}
