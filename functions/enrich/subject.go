package function

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"kubernaut.ai/shared/event"
)

// subject is an object as it was read, in the terms of a context.
type subject struct {
	target      event.Target
	labels      map[string]string
	annotations map[string]string

	workload *event.Workload
	// template is the pod template, or the pod's own spec.
	template *corev1.PodTemplateSpec
	pods     podQuery
	// history tells where the rollout history is.
	history history
	// scales is set on an autoscaler: what it scales.
	scales     *event.Target
	autoscaler *event.Autoscaler
	budget     *event.Budget
	volume     *event.Volume
	node       bool
	// through is set on objects that are about the workload of their pods.
	through bool
	// metadataOnly is set where the kind has no reader of its own.
	metadataOnly bool
	// cronJob is set on a CronJob: its pods are those of its Jobs.
	cronJob bool
}

// podQuery says which pods are the subject's; without selectors and name
// there are none.
type podQuery struct {
	namespace string
	labels    labels.Selector
	fields    string
	name      string
	all       bool
	// keep refines what selectors can ask; nil keeps all.
	keep func(*corev1.Pod) bool
}

func (q podQuery) empty() bool {
	return q.labels == nil && q.fields == "" && q.name == "" && !q.all
}

// history is where the templates of former rollouts are kept.
type history struct {
	kind historyKind
	// current is the name (ControllerRevision) or the number (ReplicaSet) of
	// the revision that is rolled out; empty takes the newest.
	current string
}

type historyKind int

const (
	noHistory historyKind = iota
	replicaSets
	controllerRevisions
)

// of fills what every object has.
func of(kind event.Target, m metav1.Object) subject {
	t := kind
	t.Namespace, t.Name, t.UID = m.GetNamespace(), m.GetName(), string(m.GetUID())
	return subject{target: t, labels: m.GetLabels(), annotations: m.GetAnnotations()}
}

// selecting is the query for the pods that a selector of the API finds: none where
// there is no selector, all of the namespace where it is empty.
func selecting(namespace string, s *metav1.LabelSelector) (podQuery, error) {
	// The selector that matches nothing is written as the empty string, which asks
	// the API server for everything.
	if s == nil {
		return podQuery{}, nil
	}
	selector, err := metav1.LabelSelectorAsSelector(s)
	if err != nil {
		return podQuery{}, fmt.Errorf("%w: selector: %w", errMalformed, err)
	}
	return podQuery{namespace: namespace, labels: selector}, nil
}

// controlledBy keeps the pods of one controller among those that its selector
// finds: selectors may overlap.
func controlledBy(uid types.UID) func(*corev1.Pod) bool {
	return func(p *corev1.Pod) bool {
		ref := metav1.GetControllerOfNoCopy(p)
		return ref != nil && ref.UID == uid
	}
}

func (e enricher) deployment(ctx context.Context, t event.Target) (subject, error) {
	d, err := e.clients.Kube.AppsV1().Deployments(t.Namespace).Get(ctx, t.Name, metav1.GetOptions{})
	if err != nil {
		return subject{}, err
	}
	s := of(kindDeployment, d)
	s.template = &d.Spec.Template
	s.workload = &event.Workload{Desired: orOne(d.Spec.Replicas), Ready: d.Status.ReadyReplicas,
		Updated: d.Status.UpdatedReplicas, Available: d.Status.AvailableReplicas, Generation: d.Generation,
		ObservedGeneration: d.Status.ObservedGeneration, Paused: d.Spec.Paused,
		Conditions: conditions(d.Status.Conditions, func(c appsv1.DeploymentCondition) event.Condition {
			return event.Condition{Type: string(c.Type), Status: string(c.Status), Reason: c.Reason, Message: c.Message}
		})}
	s.history = history{kind: replicaSets, current: d.Annotations[annotationRevision]}
	s.pods, err = selecting(d.Namespace, d.Spec.Selector)
	// A Deployment's pods are its ReplicaSets': told by name, because the
	// ReplicaSets are read at the same time as the pods.
	s.pods.keep = func(p *corev1.Pod) bool {
		ref := metav1.GetControllerOfNoCopy(p)
		return ref != nil && ref.Kind == kindReplicaSet.Kind &&
			ref.Name == d.Name+"-"+p.Labels[appsv1.DefaultDeploymentUniqueLabelKey]
	}
	return s, err
}

func (e enricher) statefulSet(ctx context.Context, t event.Target) (subject, error) {
	d, err := e.clients.Kube.AppsV1().StatefulSets(t.Namespace).Get(ctx, t.Name, metav1.GetOptions{})
	if err != nil {
		return subject{}, err
	}
	s := of(kindStatefulSet, d)
	s.template = &d.Spec.Template
	s.workload = &event.Workload{Desired: orOne(d.Spec.Replicas), Ready: d.Status.ReadyReplicas,
		Updated: d.Status.UpdatedReplicas, Available: d.Status.AvailableReplicas, Generation: d.Generation,
		ObservedGeneration: d.Status.ObservedGeneration,
		Conditions: conditions(d.Status.Conditions, func(c appsv1.StatefulSetCondition) event.Condition {
			return event.Condition{Type: string(c.Type), Status: string(c.Status), Reason: c.Reason, Message: c.Message}
		})}
	s.history = history{kind: controllerRevisions, current: d.Status.UpdateRevision}
	s.pods, err = selecting(d.Namespace, d.Spec.Selector)
	s.pods.keep = controlledBy(d.UID)
	return s, err
}

func (e enricher) daemonSet(ctx context.Context, t event.Target) (subject, error) {
	d, err := e.clients.Kube.AppsV1().DaemonSets(t.Namespace).Get(ctx, t.Name, metav1.GetOptions{})
	if err != nil {
		return subject{}, err
	}
	s := of(kindDaemonSet, d)
	s.template = &d.Spec.Template
	s.workload = &event.Workload{Desired: d.Status.DesiredNumberScheduled, Ready: d.Status.NumberReady,
		Updated: d.Status.UpdatedNumberScheduled, Available: d.Status.NumberAvailable, Generation: d.Generation,
		ObservedGeneration: d.Status.ObservedGeneration,
		Conditions: conditions(d.Status.Conditions, func(c appsv1.DaemonSetCondition) event.Condition {
			return event.Condition{Type: string(c.Type), Status: string(c.Status), Reason: c.Reason, Message: c.Message}
		})}
	s.history = history{kind: controllerRevisions}
	s.pods, err = selecting(d.Namespace, d.Spec.Selector)
	s.pods.keep = controlledBy(d.UID)
	return s, err
}

func (e enricher) replicaSet(ctx context.Context, t event.Target) (subject, error) {
	d, err := e.clients.Kube.AppsV1().ReplicaSets(t.Namespace).Get(ctx, t.Name, metav1.GetOptions{})
	if err != nil {
		return subject{}, err
	}
	s := of(kindReplicaSet, d)
	s.template = &d.Spec.Template
	s.workload = &event.Workload{Desired: orOne(d.Spec.Replicas), Ready: d.Status.ReadyReplicas,
		Updated: d.Status.FullyLabeledReplicas, Available: d.Status.AvailableReplicas, Generation: d.Generation,
		ObservedGeneration: d.Status.ObservedGeneration,
		Conditions: conditions(d.Status.Conditions, func(c appsv1.ReplicaSetCondition) event.Condition {
			return event.Condition{Type: string(c.Type), Status: string(c.Status), Reason: c.Reason, Message: c.Message}
		})}
	s.pods, err = selecting(d.Namespace, d.Spec.Selector)
	s.pods.keep = controlledBy(d.UID)
	return s, err
}

// conditions converts a kind's own condition type, bounded.
func conditions[T any](list []T, convert func(T) event.Condition) []event.Condition {
	var out []event.Condition
	for _, item := range list[:min(len(list), event.MaxConditions)] {
		c := convert(item)
		c.Reason, c.Message = event.Cut(c.Reason, event.MaxAttribute), text(c.Message)
		out = append(out, c)
	}
	return out
}

// orOne is a number of replicas as the API server defaults it.
func orOne(n *int32) int32 {
	if n == nil {
		return 1
	}
	return *n
}
