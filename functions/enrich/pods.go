package function

import (
	"cmp"
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/event"
)

// maxPodsRead bounds the pods that are looked at to find the unhealthy ones.
const maxPodsRead = 500

// readPods reads the pods that a query asks for.
func (e enricher) readPods(ctx context.Context, q podQuery) (pods []corev1.Pod, more bool, err error) {
	client := e.clients.Kube.CoreV1().Pods(q.namespace)
	if q.name != "" {
		p, err := client.Get(ctx, q.name, metav1.GetOptions{})
		if err != nil {
			return nil, false, err
		}
		return []corev1.Pod{*p}, false, nil
	}
	options := metav1.ListOptions{FieldSelector: q.fields, Limit: maxPodsRead}
	if q.labels != nil {
		options.LabelSelector = q.labels.String()
	}
	list, err := client.List(ctx, options)
	if err != nil {
		return nil, false, err
	}
	kept := list.Items
	if q.keep != nil {
		kept = slices.DeleteFunc(kept, func(p corev1.Pod) bool { return !q.keep(&p) })
	}
	return kept, list.Continue != "", nil
}

// podStates are the pods as the context shows them: first the one that the
// alert named, then the unhealthy ones, those that restarted most first.
func podStates(pods []corev1.Pod, made past, s event.Signal) []event.Pod {
	named, home := s.Resource, s.Target.Namespace
	if s.Target.Kind == kindNamespace.Kind {
		home = s.Target.Name
	}
	out := make([]event.Pod, 0, len(pods))
	for i := range pods {
		p := podState(&pods[i])
		p.Revision = made.revisionOf(&pods[i])
		if pods[i].Namespace != home {
			p.Namespace = pods[i].Namespace
		}
		out = append(out, p)
	}
	rank := func(p event.Pod) int {
		switch {
		case named.Kind == kindPod.Kind && p.Name == named.Name:
			return 0
		case !healthy(p):
			return 1
		}
		return 2
	}
	slices.SortStableFunc(out, func(a, b event.Pod) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(restarts(b), restarts(a)), cmp.Compare(a.Name, b.Name))
	})
	for i := range out {
		for j := range out[i].Containers {
			c := &out[i].Containers[j]
			c.Message = textOf(i, event.MaxPods, c.Message)
		}
	}
	return out
}

func healthy(p event.Pod) bool { return p.Ready || p.Phase == string(corev1.PodSucceeded) }

func restarts(p event.Pod) (sum int32) {
	for _, c := range p.Containers {
		sum += c.Restarts
	}
	return sum
}

func podState(p *corev1.Pod) event.Pod {
	out := event.Pod{Name: p.Name, UID: string(p.UID), Node: p.Spec.NodeName, Phase: string(p.Status.Phase),
		Ready: cluster.PodReady(p), CreatedAt: p.CreationTimestamp.UTC()}
	if ref := metav1.GetControllerOfNoCopy(p); ref != nil {
		out.Owner = ref.Kind + "/" + ref.Name
	}
	// An init container that is done well says nothing.
	for _, s := range p.Status.InitContainerStatuses {
		if c := containerState(s); c.Waiting != "" || c.Restarts > 0 || c.Last != nil && c.Last.ExitCode != 0 {
			out.Containers = append(out.Containers, c)
		}
	}
	for _, s := range p.Status.ContainerStatuses {
		out.Containers = append(out.Containers, containerState(s))
	}
	out.Containers = out.Containers[:min(len(out.Containers), event.MaxContainers)]
	return out
}

// containerState leaves out how the container explained its own end: that may
// be the end of its log. Its message is still as it was written.
func containerState(s corev1.ContainerStatus) event.ContainerState {
	out := event.ContainerState{Name: s.Name, Ready: s.Ready, Restarts: s.RestartCount}
	if w := s.State.Waiting; w != nil {
		out.Waiting, out.Message = event.Cut(w.Reason, event.MaxAttribute), w.Message
	}
	last := s.State.Terminated
	if last == nil {
		last = s.LastTerminationState.Terminated
	}
	if last != nil {
		out.Last = &event.Termination{Reason: event.Cut(last.Reason, event.MaxAttribute), ExitCode: last.ExitCode,
			Signal: last.Signal, FinishedAt: last.FinishedAt.UTC()}
	}
	return out
}

// containers are the template's, with their resources and the highest usage
// over the pods.
func containers(spec corev1.PodSpec, used usage) []event.Container {
	out := make([]event.Container, 0, len(spec.Containers))
	for _, c := range spec.Containers {
		out = append(out, event.Container{Name: c.Name, Image: event.Cut(c.Image, event.MaxText),
			Requests: quantities(c.Resources.Requests), Limits: quantities(c.Resources.Limits), Usage: quantities(used[c.Name])})
	}
	return out
}

// maxResources bounds the kinds of resource of one container.
const maxResources = 8

func quantities(list corev1.ResourceList) map[string]string {
	if len(list) == 0 {
		return nil
	}
	all := make(map[string]string, len(list))
	for name, quantity := range list {
		all[string(name)] = quantity.String()
	}
	kept, _, _ := event.CutMap(all, maxResources, event.MaxAttribute)
	return kept
}
