package function

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"kubernaut.ai/shared/cluster"
)

const (
	// maxPods bounds the pods that are read of one target.
	maxPods = 500
	// The best score of a target that shows such a trouble.
	unhealthyMost = 0.7
	crashedMost   = 0.5
	failedMost    = 0.3
)

// troubled are the reasons for which a container waits that no wait cures.
var troubled = []string{"CrashLoopBackOff", "ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull",
	"CreateContainerConfigError", "CreateContainerError", "RunContainerError", "StartError"}

// lookAtRollout joins a workload's counts with what its pods show.
func lookAtRollout(ctx context.Context, kube kubernetes.Interface, g glance, r rollout) (observed, error) {
	selector, err := metav1.LabelSelectorAsSelector(r.selector)
	if err != nil {
		return observed{}, fmt.Errorf("read selector: %w", err)
	}
	list, err := kube.CoreV1().Pods(g.target.Namespace).List(ctx, metav1.ListOptions{LabelSelector: selector.String(), Limit: maxPods})
	if err != nil {
		return observed{}, fmt.Errorf("list pods: %w", err)
	}
	out := seen(ratio(r.ready, r.desired), "%d of %d pods are ready", r.ready, r.desired)
	out.nothing = r.desired <= 0
	if r.ready < r.desired {
		out.health.Score = min(out.health.Score, unhealthyMost)
	}
	trouble := inPods(&out, list.Items, g.since)
	if r.failed != "" {
		trouble = limited(&out, failedMost, r.failed)
	}
	// A controller that gave up, and pods that crash, are not on their way.
	out.health.Settling = !trouble && (r.observedGeneration < r.generation || r.updated < r.desired || r.ready < r.desired)
	return out, nil
}

func lookAtPod(ctx context.Context, kube kubernetes.Interface, g glance) (observed, error) {
	p, err := kube.CoreV1().Pods(g.target.Namespace).Get(ctx, g.target.Name, metav1.GetOptions{})
	if err != nil {
		return observed{}, err
	}
	out := seen(0, "%s, not ready", p.Status.Phase)
	switch {
	case p.Status.Phase == corev1.PodSucceeded:
		out = seen(1, "succeeded")
	case cluster.PodReady(p):
		out = seen(1, "ready")
	}
	trouble := inPods(&out, []corev1.Pod{*p}, g.since)
	out.health.Settling = !trouble && out.health.Score < EffectiveFrom && p.Status.Phase == corev1.PodPending
	return out, nil
}

// inPods lowers the score for what containers went through since the action,
// and tells whether there was anything.
func inPods(out *observed, pods []corev1.Pod, since time.Time) (trouble bool) {
	for _, p := range pods {
		if p.DeletionTimestamp != nil {
			continue // on its way out: the trouble of before
		}
		out.pods = append(out.pods, p.Name)
		for _, c := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
			if w := c.State.Waiting; w != nil && slices.Contains(troubled, w.Reason) {
				trouble = limited(out, failedMost, p.Name+": "+w.Reason)
			}
			for _, t := range []*corev1.ContainerStateTerminated{c.State.Terminated, c.LastTerminationState.Terminated} {
				if t != nil && t.FinishedAt.After(since) && (t.ExitCode != 0 || t.Reason == "OOMKilled") {
					trouble = limited(out, crashedMost, fmt.Sprintf("%s: %s after the action", p.Name, t.Reason))
				}
			}
		}
	}
	return trouble
}

// limited caps the score and says why, once for the worst.
func limited(out *observed, most float64, why string) bool {
	if most < out.health.Score {
		out.health.Score = most
		out.health.Detail += "; " + why
	}
	return true
}

// ratio is how much of what is wanted is there; nothing is all of nothing.
func ratio(have, want int32) float64 {
	if want <= 0 {
		return 1
	}
	return min(float64(have)/float64(want), 1)
}
