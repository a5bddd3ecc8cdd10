package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"

	"kubernaut.ai/shared/signal"
)

// How long a discovery is believed. A CRD may have been installed a moment
// ago: a kind that somebody refers to and that is not listed makes discovery
// run again soon, and a word that is no kind, as most words are not, makes it
// run behind the answer.
var (
	discoveryHit  = patience{fresh: 10 * time.Minute, stale: 20 * time.Minute}
	discoveryMiss = patience{fresh: 30 * time.Second, stale: 30 * time.Second}
	wordMiss      = patience{fresh: 2 * time.Minute, stale: 10 * time.Minute}
)

// catalogue is what the cluster serves, Kubernetes' own groups first.
type catalogue struct {
	kinds []Kind
	// byWord are the kinds that can be read, by their kind and by its singular.
	byWord map[string][]Kind
	// failed are the groups that could not be asked, and why.
	failed map[string]error
}

type wanted struct {
	kind, group string
	grouped     bool
}

// has finds a kind, without a group preferring Kubernetes' own.
func (c catalogue) has(w wanted) (Kind, bool) {
	i := slices.IndexFunc(c.kinds, func(k Kind) bool { return k.Kind == w.kind && (!w.grouped || k.Group == w.group) })
	if i < 0 {
		return Kind{}, false
	}
	return c.kinds[i], true
}

// discover finds the kind that is wanted; ErrUnknownKind when there is none.
func (c *Clients) discover(ctx context.Context, w wanted) (Kind, error) {
	served, err := c.kinds.get(ctx, question[catalogue]{now: c.now, fetch: c.discovery, hit: discoveryHit, miss: discoveryMiss,
		knows: func(served catalogue) bool { _, ok := served.has(w); return ok }})
	if err != nil {
		return Kind{}, fmt.Errorf("discover kinds: %w", err)
	}
	if k, ok := served.has(w); ok {
		return k, nil
	}
	if err := served.failed[w.group]; w.grouped && err != nil {
		return Kind{}, fmt.Errorf("discover kinds of %s: %w", w.group, err)
	}
	return Kind{}, fmt.Errorf("%w: %s", ErrUnknownKind, w.kind)
}

// KindsByWord finds the kinds that a word of an alert may mean: a label's key
// that is a kind's singular, such as "certificate", or a kind without its
// group, such as "Certificate". Several groups may serve one; Kubernetes' own
// come first.
func (c *Clients) KindsByWord(ctx context.Context, word string) ([]Kind, error) {
	served, err := c.kinds.get(ctx, question[catalogue]{now: c.now, fetch: c.discovery, hit: discoveryHit, miss: wordMiss,
		knows: func(served catalogue) bool { return len(served.byWord[word]) > 0 }})
	if err != nil {
		return nil, fmt.Errorf("discover kinds: %w", err)
	}
	return served.byWord[word], nil
}

// discovery asks the API server what it serves. An aggregated API that is down
// costs nothing that was known of it before.
func (c *Clients) discovery(context.Context) (catalogue, error) {
	lists, err := discovery.ServerPreferredResources(c.Kube.Discovery())
	var partial *discovery.ErrGroupDiscoveryFailed
	if err != nil && (len(lists) == 0 || !errors.As(err, &partial)) {
		return catalogue{}, err
	}
	found := catalogue{byWord: map[string][]Kind{}, failed: map[string]error{}}
	if partial != nil {
		for version, err := range partial.Groups {
			found.failed[version.Group] = err
		}
	}
	var all []named
	for _, list := range lists {
		all = append(all, kindsOf(list)...)
	}
	found.add(all)
	if before, _ := c.kinds.peek(); partial != nil {
		found.keep(before)
	}
	return found, nil
}

// named is a kind with the words that mean it; none for what cannot be read.
type named struct {
	Kind
	words []string
}

func kindsOf(list *metav1.APIResourceList) []named {
	version, err := schema.ParseGroupVersion(list.GroupVersion)
	if err != nil {
		return nil
	}
	var out []named
	for _, r := range list.APIResources {
		if strings.Contains(r.Name, "/") {
			continue
		}
		n := named{Kind: Kind{Group: version.Group, Version: version.Version, Kind: r.Kind, Resource: r.Name, Namespaced: r.Namespaced}}
		if slices.Contains(r.Verbs, "get") {
			n.words = []string{r.Kind, r.SingularName}
			if r.SingularName == "" {
				n.words[1] = strings.ToLower(r.Kind)
			}
		}
		out = append(out, n)
	}
	return out
}

// add lists Kubernetes' own kinds before all others.
func (c *catalogue) add(all []named) {
	for _, own := range []bool{true, false} {
		for _, n := range all {
			if signal.OwnGroup(n.Group) != own {
				continue
			}
			c.kinds = append(c.kinds, n.Kind)
			for _, word := range n.words {
				c.byWord[word] = append(c.byWord[word], n.Kind)
			}
		}
	}
}

// keep takes over what was known of the groups that could not be asked.
func (c *catalogue) keep(before catalogue) {
	lost := func(k Kind) bool {
		known := slices.ContainsFunc(c.kinds, func(o Kind) bool { return o.Group == k.Group && o.Kind == k.Kind })
		return c.failed[k.Group] != nil && !known
	}
	for word, kinds := range before.byWord {
		for _, k := range kinds {
			if lost(k) {
				c.byWord[word] = append(c.byWord[word], k)
			}
		}
	}
	for _, k := range before.kinds {
		if lost(k) {
			c.kinds = append(c.kinds, k)
		}
	}
}
