// Package simulation runs a small Kubernetes cluster inside the process: an API server on loopback that client-go and kubectl
// reach through a kubeconfig as they reach a real one, over client-go's object tracker, and under it small controllers that give
// faults consequences, so that a remediation has something to find, to change and to see healed.
//
// # What it honours
//
// The parts of the API that a careful client relies on: dry run changes nothing, resource versions are monotonic and a stale one is
// a conflict (409), a failed JSON-Patch test is 422 and changes nothing, metadata.generation counts changes of the spec (and of a
// Deployment's annotations), deletes keep
// their UID and resourceVersion preconditions, evictions are refused by PodDisruptionBudgets (429), watches resume and expire (410),
// /scale, /status, /log, metadata-only reads, discovery, reviews of tokens and access. The package simulationtest holds a
// conformance suite that says so and can be run against a real API server. What it does not have: protobuf answers (bodies may be protobuf, clients get JSON), custom
// resources, admission webhooks, quotas' enforcement, field ownership conflicts of server-side apply, exec and port forwarding.
// Every known user may do everything; only reviews of access are judged (see Options.Approvers).
//
// # Time
//
// Every duration, the model's own and those in manifests (progressDeadlineSeconds, terminationGracePeriodSeconds, tolerationSeconds,
// recovers-after), is simulated time and passes Options.Speed times as fast as the wall clock.
//
// # Faults
//
// Annotations on a pod template (or pod), all below simulation.kubernaut.ai/:
//
//	memory-need: 180Mi           the container is OOM-killed (137) while its memory limit is below this; a higher limit cures it
//	crash: "1"                   the container exits with this code soon after each start; only another template cures it
//	crash-until-restart: "true"  the container exits until its pod is replaced: deleted, evicted or rolled by a rollout restart.
//	                             Another template (other than by a restart's annotation) falls ill anew
//	unready: "true"              the container runs, but its readiness probe fails
//	container: name              the container that these concern; the first without it
//	cpu-usage, memory-usage      what metrics.k8s.io reports, if Options.Metrics serves it
//
// Tags of images: one that begins with "missing" cannot be pulled (ErrImagePull, ImagePullBackOff), one that begins with
// "broken" makes the container exit with 1. Both are cured by another image, such as a rollback's.
//
// On a HorizontalPodAutoscaler, load: "8" is the number of replicas that the load wants: the autoscaler goes as near as its bounds
// let it, and says ScalingLimited (TooManyReplicas) when they do not. Without it, there is no metric.
//
// On a Node, ready: "false" makes it not ready: tainted, its pods not ready after 5 s and evicted when their toleration ends (300 s);
// recovers-after: 5s ends that by itself.
//
// # Example
//
//	cluster, err := simulation.Start(ctx, simulation.Options{})
//	if err != nil {
//		return err
//	}
//	defer cluster.Close()
//	if err := cluster.LoadPath("manifests/"); err != nil {
//		return err
//	}
//	client, err := kubernetes.NewForConfig(cluster.RESTConfig())
package simulation
