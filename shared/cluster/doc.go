// Package cluster reads what Kubernaut must know of a Kubernetes cluster:
// whether an object exists, who owns it, and whether it may be touched.
//
// It holds no informers. A function lives for seconds; filling an informer's
// cache would cost more than all its reads, and a stale cache gives wrong
// answers about owners. Reads fetch metadata only. Cache remembers them for
// stages that read the same objects again and again, and verifies with the API
// server whatever looks as if it had lost its owner.
//
//	clients, err := cluster.Connect(cluster.Options{Stage: "enrich"})
//	if err != nil {
//		return err
//	}
//	chain, err := clients.Owners(ctx, event.Target{Kind: "Pod", Namespace: "shop", Name: "cart-6d5f-x2x"})
//	if err != nil {
//		return err // errors.Is(err, cluster.ErrGone): it no longer exists
//	}
//	top := chain[len(chain)-1] // Deployment shop/cart
//	scope, err := clients.Scope(ctx, top)
package cluster
