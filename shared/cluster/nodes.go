package cluster

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/shared/event"
)

// How long the nodes' addresses are believed, and how soon an address that
// none of them has makes the list be read again: nodes join.
var (
	addressHit  = patience{fresh: time.Minute, stale: 2 * time.Minute}
	addressMiss = patience{fresh: 5 * time.Second, stale: 5 * time.Second}
)

// nodePage bounds one page of the list of nodes.
const nodePage = 500

// addresses are the nodes by their internal addresses. An address that two
// nodes claim to have is nobody's: the wrong one might be drained.
type addresses map[netip.Addr]event.Target

// NodeByAddress finds the node that has the address among its internal ones;
// alerts of node-exporter name nodes by it. ErrGone when none has, or two;
// ErrForbidden when nodes may not be listed.
func (c *Clients) NodeByAddress(ctx context.Context, address string) (event.Target, error) {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return event.Target{}, fmt.Errorf("%w: %q is no address of a node", ErrGone, address)
	}
	ip = ip.Unmap().WithZone("")
	nodes, err := c.nodes.get(ctx, question[addresses]{now: c.now, fetch: c.addresses, hit: addressHit, miss: addressMiss,
		knows: func(nodes addresses) bool { return nodes[ip].Name != "" }})
	switch {
	case apierrors.IsForbidden(err):
		return event.Target{}, &NotReadable{Target: event.Target{Kind: "Node", Name: ip.String()}, Verb: "list", Err: err}
	case err != nil:
		return event.Target{}, fmt.Errorf("list nodes: %w", err)
	}
	if t := nodes[ip]; t.Name != "" {
		return t, nil
	}
	return event.Target{}, fmt.Errorf("%w: no node, or more than one, has the address %s", ErrGone, ip)
}

// addresses lists the nodes.
func (c *Clients) addresses(ctx context.Context) (addresses, error) {
	found := addresses{}
	options := metav1.ListOptions{Limit: nodePage}
	for {
		list, err := c.Kube.CoreV1().Nodes().List(ctx, options)
		if err != nil {
			return nil, err
		}
		for i := range list.Items {
			found.add(&list.Items[i])
		}
		if options.Continue = list.Continue; options.Continue == "" {
			return found, nil
		}
	}
}

func (a addresses) add(node *corev1.Node) {
	for _, address := range node.Status.Addresses {
		ip, err := netip.ParseAddr(address.Address)
		if err != nil || address.Type != corev1.NodeInternalIP {
			continue
		}
		t := TargetOf(builtin["Node"], node)
		if other, taken := a[ip.Unmap()]; taken && !other.Same(t) {
			t = event.Target{}
		}
		a[ip.Unmap()] = t
	}
}
