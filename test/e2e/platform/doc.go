// Package platform installs what Kubernaut runs on into a cluster: Knative
// Serving and Eventing, unmodified, from the config/ folders of their Go
// modules, and Traefik as Knative's ingress.
//
// It is apart from package bed because it knows nothing of the machine: any
// cluster that can pull the images will do. What it sets differs from the
// modules' defaults only where a small machine needs it, in one table (see settings).
//
// Left out, because they need what a bed has not: the HorizontalPodAutoscalers of
// the platform's own pods (no metrics server), and JobSink and RequestReply, which
// nothing of Kubernaut uses.
//
//	sources, err := platform.Sources(ctx)
//	if err != nil {
//		return err
//	}
//	err = platform.Install(ctx, config, platform.Options{
//		Sources: sources,
//		Image:   func(importPath string) (string, bool) { ref, ok := images[importPath]; return ref, ok },
//	})
package platform
