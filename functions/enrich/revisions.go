package function

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/event"
)

// maxRevisionsRead bounds the revisions that are read; Kubernetes keeps ten
// of a workload unless told otherwise.
const maxRevisionsRead = 100

// annotationRevision numbers a Deployment's rollouts, on it and on its ReplicaSets.
const annotationRevision = "deployment.kubernetes.io/revision"

// past is a workload's rollout history as it was read.
type past struct {
	replicaSets []appsv1.ReplicaSet
	revisions   []appsv1.ControllerRevision
}

func (e enricher) readRevisions(ctx context.Context, s subject) (out past, more bool, err error) {
	apps := e.clients.Kube.AppsV1()
	options := remembered
	options.LabelSelector = s.pods.labels.String()
	owned := func(m metav1.Object) bool {
		ref := metav1.GetControllerOfNoCopy(m)
		return ref != nil && string(ref.UID) == s.target.UID
	}
	if s.history.kind == replicaSets {
		list, err := apps.ReplicaSets(s.target.Namespace).List(ctx, options)
		if err != nil {
			return out, false, err
		}
		out.replicaSets, more = first(slices.DeleteFunc(list.Items, func(r appsv1.ReplicaSet) bool { return !owned(&r) }), maxRevisionsRead)
		return out, more, nil
	}
	list, err := apps.ControllerRevisions(s.target.Namespace).List(ctx, options)
	if err != nil {
		return out, false, err
	}
	out.revisions, more = first(slices.DeleteFunc(list.Items, func(r appsv1.ControllerRevision) bool { return !owned(&r) }), maxRevisionsRead)
	return out, more, nil
}

// revisions is the history, the newest first.
func (p past) list(h history, pods []corev1.Pod) []event.Revision {
	var out []event.Revision
	for i := range p.replicaSets {
		r := &p.replicaSets[i]
		number, err := strconv.ParseInt(r.Annotations[annotationRevision], 10, 64)
		if err != nil {
			number = 0
		}
		out = append(out, event.Revision{Number: number, Name: r.Name, Images: images(r.Spec.Template.Spec),
			CreatedAt: r.CreationTimestamp.UTC(), Replicas: r.Status.Replicas, Ready: r.Status.ReadyReplicas,
			Current: h.current != "" && r.Annotations[annotationRevision] == h.current})
	}
	for i := range p.revisions {
		r := &p.revisions[i]
		entry := event.Revision{Number: r.Revision, Name: r.Name, Images: rawImages(r.Data.Raw),
			CreatedAt: r.CreationTimestamp.UTC(), Current: h.current != "" && r.Name == h.current}
		entry.Replicas, entry.Ready = p.running(r.Name, pods)
		out = append(out, entry)
	}
	slices.SortStableFunc(out, func(a, b event.Revision) int {
		return cmp.Or(cmp.Compare(b.Number, a.Number), cmp.Compare(a.Name, b.Name))
	})
	if h.current == "" && len(out) > 0 {
		out[0].Current = true
	}
	return out
}

func images(spec corev1.PodSpec) []string {
	var out []string
	for _, c := range spec.Containers[:min(len(spec.Containers), event.MaxContainers)] {
		out = append(out, event.Cut(c.Image, event.MaxText))
	}
	return out
}

// rawImages takes the images, and nothing else, out of a revision's template.
func rawImages(raw []byte) []string {
	var data struct {
		Spec struct {
			Template struct {
				Spec struct {
					Containers []struct {
						Image string `json:"image"`
					} `json:"containers"`
				} `json:"spec"`
			} `json:"template"`
		} `json:"spec"`
	}
	// A revision that is no such patch has no images to show.
	if json.Unmarshal(raw, &data) != nil {
		return nil
	}
	var out []string
	for _, c := range data.Spec.Template.Spec.Containers {
		out = append(out, event.Cut(c.Image, event.MaxText))
	}
	return out[:min(len(out), event.MaxContainers)]
}

// running counts the pods that a ControllerRevision made.
func (p past) running(revision string, pods []corev1.Pod) (replicas, ready int32) {
	for i := range pods {
		if p.revisionOf(&pods[i]) != revision {
			continue
		}
		replicas++
		if cluster.PodReady(&pods[i]) {
			ready++
		}
	}
	return replicas, ready
}

// revisionOf names the ControllerRevision that made the pod, which StatefulSets
// label with the revision's name, and DaemonSets with its hash. It is empty where
// none of those that were read did.
func (p past) revisionOf(pod *corev1.Pod) string {
	hash := pod.Labels[appsv1.ControllerRevisionHashLabelKey]
	if hash == "" {
		return ""
	}
	for i := range p.revisions {
		if r := &p.revisions[i]; hash == r.Name || hash == r.Labels[appsv1.ControllerRevisionHashLabelKey] {
			return r.Name
		}
	}
	return ""
}
