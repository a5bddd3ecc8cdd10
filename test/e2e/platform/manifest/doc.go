// Package manifest reads Kubernetes manifests and applies them to a cluster by
// server-side apply, as `kubectl apply --server-side` does, without kubectl.
//
// The end-to-end harness applies other projects' folders and the product's own
// the same way, and must know in one place what to wait for between two of them: custom
// resources that are served, webhooks that are reachable, Deployments that run.
//
//	objects, err := manifest.Load(dir, manifest.Everything)
//	if err != nil {
//		return err
//	}
//	cluster, err := manifest.Connect(config)
//	if err != nil {
//		return err
//	}
//	if err := cluster.Apply(ctx, objects...); err != nil {
//		return err // names the object that was refused, and why
//	}
//	return cluster.AwaitDeployments(ctx, "knative-eventing")
package manifest
