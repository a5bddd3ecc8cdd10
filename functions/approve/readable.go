package function

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"kubernaut.ai/shared/history"
)

// Bounds of the questions that one request may cause at the API server.
const (
	// maxNamespaces is in how many namespaces rights are asked for one by one.
	maxNamespaces = 100
	// reviewsAtOnce is how many of these questions are under way.
	reviewsAtOnce = 8
)

// narrow leaves of a filter what the person may list: all for who may in the
// whole cluster, else the namespaces in which they may. Targets without a
// namespace, such as Nodes, are for the former only.
func (d door) narrow(ctx context.Context, p Person, f *history.Filter) error {
	everywhere := d.guard.Authorize(ctx, p, Access{Verb: verbList, Namespace: f.Namespace})
	if f.Namespace != "" || !errors.Is(everywhere, errForbidden) {
		return everywhere
	}
	there, err := d.past.Namespaces(ctx, maxNamespaces+1)
	if err != nil {
		return err
	}
	if len(there) > maxNamespaces {
		return refuse(reasonNamespaceNeeded, "Remediations of more than %d namespaces are known: name one, as in ?namespace=shop. To see all takes the verb %s on remediations.kubernaut.ai in the whole cluster.",
			maxNamespaces, verbList)
	}
	if f.Namespaces, err = d.readable(ctx, p, there); err != nil {
		return err
	}
	if len(f.Namespaces) == 0 {
		return fmt.Errorf("%w, and in no namespace of which remediations are known", everywhere)
	}
	return nil
}

// readable are those of the namespaces in which the person may list. One that
// cannot be asked about fails all: a list with a gap would look whole.
func (d door) readable(ctx context.Context, p Person, namespaces []string) ([]string, error) {
	verdicts := make([]error, len(namespaces))
	slots := make(chan struct{}, reviewsAtOnce)
	var group sync.WaitGroup
	for i, name := range namespaces {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			verdicts[i] = d.guard.Authorize(ctx, p, Access{Verb: verbList, Namespace: name})
		})
	}
	group.Wait()
	allowed := []string{}
	for i, verdict := range verdicts {
		switch {
		case verdict == nil:
			allowed = append(allowed, namespaces[i])
		case !errors.Is(verdict, errForbidden):
			return nil, verdict
		}
	}
	return allowed, nil
}

// mayRead asks for the right in every namespace that a remediation is about.
func (d door) mayRead(ctx context.Context, p Person, remediation string, namespaces []string) error {
	if len(namespaces) == 0 || len(namespaces) > maxNamespaces || namespaces[0] == "" {
		// Who may in the whole cluster may in each.
		namespaces = []string{""}
	}
	for _, name := range namespaces {
		if err := d.guard.Authorize(ctx, p, Access{Verb: verbGet, Namespace: name, Remediation: remediation}); err != nil {
			return err
		}
	}
	return nil
}
