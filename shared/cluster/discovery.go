package cluster

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
)

// How long a discovery is believed, and how soon a kind that it does not
// list makes it run again: a CRD may have been installed a moment ago.
const (
	discoveryFresh = 10 * time.Minute
	discoveryRetry = 30 * time.Second
)

// discovered remembers the kinds that the cluster serves.
type discovered struct {
	mu         sync.Mutex
	at         time.Time
	kinds      []Kind
	bySingular map[string]Kind
}

type wanted struct {
	kind, group string
	grouped     bool
}

// find looks a kind up, without a group preferring Kubernetes' own.
func (d *discovered) find(ctx context.Context, c *Clients, w wanted) (Kind, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, maxAge := range []time.Duration{discoveryFresh, discoveryRetry} {
		if err := d.refresh(ctx, c, maxAge); err != nil {
			return Kind{}, err
		}
		for _, k := range d.kinds {
			if k.Kind == w.kind && (!w.grouped || k.Group == w.group) {
				return k, nil
			}
		}
	}
	return Kind{}, fmt.Errorf("%w: %s", ErrUnknownKind, w.kind)
}

// KindBySingular finds the kind whose singular name a label's key is, such as
// "certificate". Kinds of Kubernetes' own groups win over others.
func (c *Clients) KindBySingular(ctx context.Context, singular string) (Kind, bool, error) {
	c.discovered.mu.Lock()
	defer c.discovered.mu.Unlock()
	if err := c.discovered.refresh(ctx, c, discoveryFresh); err != nil {
		return Kind{}, false, err
	}
	k, ok := c.discovered.bySingular[singular]
	return k, ok, nil
}

// refresh asks the API server again when the answer is older than maxAge. An
// aggregated API that is down costs its own kinds only.
func (d *discovered) refresh(ctx context.Context, c *Clients, maxAge time.Duration) error {
	if !d.at.IsZero() && c.now().Sub(d.at) < maxAge {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("discover kinds: %w", err)
	}
	lists, err := discovery.ServerPreferredResources(c.Kube.Discovery())
	if err != nil && (len(lists) == 0 || !discovery.IsGroupDiscoveryFailedError(err)) {
		return fmt.Errorf("discover kinds: %w", err)
	}
	d.kinds, d.bySingular, d.at = nil, map[string]Kind{}, c.now()
	for _, list := range lists {
		d.add(list)
	}
	return nil
}

func (d *discovered) add(list *metav1.APIResourceList) {
	version, err := schema.ParseGroupVersion(list.GroupVersion)
	if err != nil {
		return
	}
	for _, r := range list.APIResources {
		if strings.Contains(r.Name, "/") {
			continue
		}
		k := Kind{Group: version.Group, Version: version.Version, Kind: r.Kind, Resource: r.Name, Namespaced: r.Namespaced}
		d.kinds = append(d.kinds, k)
		singular := r.SingularName
		if singular == "" {
			singular = strings.ToLower(r.Kind)
		}
		if _, taken := d.bySingular[singular]; !taken {
			d.bySingular[singular] = k
		}
	}
}
