// Package product installs Kubernaut on a cluster that has Knative, by the
// commands that a user types: the manifests of an overlay, "make secrets",
// "make deploy".
//
// It knows nothing of how the cluster came to be: the bed of package bed, or one
// that the user has. What differs from a user's installation is in the folder overlay:
// verdicts come in seconds, so that a person or a test need not wait for minutes.
//
//	err := product.Install(ctx, product.Options{
//		Kubeconfig: b.Kubeconfig, Registry: b.Registry + "/functions", InsecureRegistry: true,
//		Func: paths["func"], Kubectl: paths["kubectl"],
//		Redis: b.Redis.URL(), Postgres: b.Postgres.URL(), Log: os.Stderr,
//	})
//
// Installed again, it repairs what differs, keeps every key, and deploys the
// functions as they are now.
package product
