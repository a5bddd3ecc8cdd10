package cluster

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/shared/event"
)

// How long the nodes' addresses are believed, and how soon an address that
// none of them has makes the list be read again: nodes join.
const (
	addressesFresh = time.Minute
	addressesRetry = 5 * time.Second
)

// nodePage bounds one page of the list of nodes.
const nodePage = 500

// nodeAddresses remembers which node has which InternalIP.
type nodeAddresses struct {
	mu    sync.Mutex
	at    time.Time
	nodes map[netip.Addr]event.Target
}

// NodeByAddress finds the node that has the address among its internal ones;
// alerts of node-exporter name nodes by it. ErrGone when none has.
func (c *Clients) NodeByAddress(ctx context.Context, address string) (event.Target, error) {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return event.Target{}, fmt.Errorf("%w: %q is no address of a node", ErrGone, address)
	}
	n := &c.nodes
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, maxAge := range []time.Duration{addressesFresh, addressesRetry} {
		if err := n.refresh(ctx, c, maxAge); err != nil {
			return event.Target{}, err
		}
		if t, ok := n.nodes[ip.Unmap()]; ok {
			return t, nil
		}
	}
	return event.Target{}, fmt.Errorf("%w: no node has the address %s", ErrGone, ip)
}

func (n *nodeAddresses) refresh(ctx context.Context, c *Clients, maxAge time.Duration) error {
	if !n.at.IsZero() && c.now().Sub(n.at) < maxAge {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, RequestTimeout)
	defer cancel()
	found := map[netip.Addr]event.Target{}
	options := metav1.ListOptions{Limit: nodePage}
	for {
		list, err := c.Kube.CoreV1().Nodes().List(ctx, options)
		if err != nil {
			return fmt.Errorf("list nodes: %w", err)
		}
		for i := range list.Items {
			addAddresses(found, &list.Items[i])
		}
		if options.Continue = list.Continue; options.Continue == "" {
			break
		}
	}
	n.nodes, n.at = found, c.now()
	return nil
}

func addAddresses(found map[netip.Addr]event.Target, node *corev1.Node) {
	for _, a := range node.Status.Addresses {
		if a.Type != corev1.NodeInternalIP {
			continue
		}
		if ip, err := netip.ParseAddr(a.Address); err == nil {
			found[ip.Unmap()] = TargetOf(builtin["Node"], node)
		}
	}
}
