package function

import (
	"context"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/signal"
)

// The kinds that have a reader, as targets write them.
var (
	kindPod         = event.Target{APIVersion: "v1", Kind: "Pod"}
	kindDeployment  = event.Target{APIVersion: "apps/v1", Kind: "Deployment"}
	kindStatefulSet = event.Target{APIVersion: "apps/v1", Kind: "StatefulSet"}
	kindDaemonSet   = event.Target{APIVersion: "apps/v1", Kind: "DaemonSet"}
	kindReplicaSet  = event.Target{APIVersion: "apps/v1", Kind: "ReplicaSet"}
	kindJob         = event.Target{APIVersion: "batch/v1", Kind: "Job"}
	kindCronJob     = event.Target{APIVersion: "batch/v1", Kind: "CronJob"}
	kindAutoscaler  = event.Target{APIVersion: "autoscaling/v2", Kind: "HorizontalPodAutoscaler"}
	kindBudget      = event.Target{APIVersion: "policy/v1", Kind: "PodDisruptionBudget"}
	kindClaim       = event.Target{APIVersion: "v1", Kind: "PersistentVolumeClaim"}
	kindNode        = event.Target{APIVersion: "v1", Kind: "Node"}
	kindService     = event.Target{APIVersion: "v1", Kind: "Service"}
	kindNamespace   = event.Target{APIVersion: "v1", Kind: "Namespace"}
)

// reader reads one object of its kind.
type reader func(enricher, context.Context, event.Target) (subject, error)

var readers = map[string]reader{
	kindPod.Kind:         enricher.pod,
	kindDeployment.Kind:  enricher.deployment,
	kindStatefulSet.Kind: enricher.statefulSet,
	kindDaemonSet.Kind:   enricher.daemonSet,
	kindReplicaSet.Kind:  enricher.replicaSet,
	kindJob.Kind:         enricher.job,
	kindCronJob.Kind:     enricher.cronJob,
	kindAutoscaler.Kind:  enricher.autoscaler,
	kindBudget.Kind:      enricher.budget,
	kindClaim.Kind:       enricher.volumeClaim,
	kindNode.Kind:        enricher.nodeSubject,
	kindService.Kind:     enricher.service,
	kindNamespace.Kind:   enricher.namespace,
}

func (e enricher) pod(ctx context.Context, t event.Target) (subject, error) {
	p, err := e.clients.Kube.CoreV1().Pods(t.Namespace).Get(ctx, t.Name, metav1.GetOptions{})
	if err != nil {
		return subject{}, err
	}
	s := of(kindPod, p)
	s.template = &corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: p.Labels}, Spec: p.Spec}
	s.pods = podQuery{namespace: p.Namespace, name: p.Name}
	return s, nil
}

// job: desired counts completions, ready the pods that are, updated the
// active and available the succeeded ones.
func (e enricher) job(ctx context.Context, t event.Target) (subject, error) {
	j, err := e.clients.Kube.BatchV1().Jobs(t.Namespace).Get(ctx, t.Name, metav1.GetOptions{})
	if err != nil {
		return subject{}, err
	}
	s := of(kindJob, j)
	s.template = &j.Spec.Template
	s.workload = jobState(j)
	s.pods, err = selecting(j.Namespace, j.Spec.Selector)
	s.pods.keep = controlledBy(j.UID)
	return s, err
}

func jobState(j *batchv1.Job) *event.Workload {
	w := &event.Workload{Desired: orOne(j.Spec.Completions), Updated: j.Status.Active, Available: j.Status.Succeeded,
		Generation: j.Generation, Paused: j.Spec.Suspend != nil && *j.Spec.Suspend,
		Conditions: conditions(j.Status.Conditions, func(c batchv1.JobCondition) event.Condition {
			return event.Condition{Type: string(c.Type), Status: string(c.Status), Reason: c.Reason, Message: c.Message}
		})}
	if j.Status.Ready != nil {
		w.Ready = *j.Status.Ready
	}
	return w
}

func (e enricher) cronJob(ctx context.Context, t event.Target) (subject, error) {
	c, err := e.clients.Kube.BatchV1().CronJobs(t.Namespace).Get(ctx, t.Name, metav1.GetOptions{})
	if err != nil {
		return subject{}, err
	}
	s := of(kindCronJob, c)
	s.template = &c.Spec.JobTemplate.Spec.Template
	s.workload = &event.Workload{Updated: int32(len(c.Status.Active)), Generation: c.Generation,
		Paused: c.Spec.Suspend != nil && *c.Spec.Suspend}
	s.cronJob = true
	return s, nil
}

func (e enricher) autoscaler(ctx context.Context, t event.Target) (subject, error) {
	h, err := e.clients.Kube.AutoscalingV2().HorizontalPodAutoscalers(t.Namespace).Get(ctx, t.Name, metav1.GetOptions{})
	if err != nil {
		return subject{}, err
	}
	s := of(kindAutoscaler, h)
	s.autoscaler = autoscalerState(h)
	s.scales = &s.autoscaler.Scales
	return s, nil
}

func autoscalerState(h *autoscalingv2.HorizontalPodAutoscaler) *event.Autoscaler {
	return &event.Autoscaler{Name: h.Name, Min: orOne(h.Spec.MinReplicas), Max: h.Spec.MaxReplicas, Scales: scaled(h),
		Current: h.Status.CurrentReplicas, Desired: h.Status.DesiredReplicas,
		Conditions: conditions(h.Status.Conditions, func(c autoscalingv2.HorizontalPodAutoscalerCondition) event.Condition {
			return event.Condition{Type: string(c.Type), Status: string(c.Status), Reason: c.Reason, Message: c.Message}
		})}
}

// scaled is what an autoscaler scales, its kind as targets write it.
func scaled(h *autoscalingv2.HorizontalPodAutoscaler) event.Target {
	ref := h.Spec.ScaleTargetRef
	return event.Target{APIVersion: ref.APIVersion, Kind: signal.KindOf(ref.APIVersion, ref.Kind), Namespace: h.Namespace, Name: ref.Name}
}

func (e enricher) budget(ctx context.Context, t event.Target) (subject, error) {
	b, err := e.clients.Kube.PolicyV1().PodDisruptionBudgets(t.Namespace).Get(ctx, t.Name, metav1.GetOptions{})
	if err != nil {
		return subject{}, err
	}
	s := of(kindBudget, b)
	s.budget, s.through = budgetState(b), true
	s.pods, err = selecting(b.Namespace, b.Spec.Selector)
	return s, err
}

func budgetState(b *policyv1.PodDisruptionBudget) *event.Budget {
	return &event.Budget{Name: b.Name, DisruptionsAllowed: b.Status.DisruptionsAllowed,
		Healthy: b.Status.CurrentHealthy, DesiredHealthy: b.Status.DesiredHealthy}
}

// volumeClaim: its pods are those that mount it.
func (e enricher) volumeClaim(ctx context.Context, t event.Target) (subject, error) {
	c, err := e.clients.Kube.CoreV1().PersistentVolumeClaims(t.Namespace).Get(ctx, t.Name, metav1.GetOptions{})
	if err != nil {
		return subject{}, err
	}
	s := of(kindClaim, c)
	s.volume, s.through = volumeState(c), true
	s.pods = podQuery{namespace: c.Namespace, all: true, keep: func(p *corev1.Pod) bool { return mounts(p, c.Name) }}
	return s, nil
}

func volumeState(c *corev1.PersistentVolumeClaim) *event.Volume {
	v := &event.Volume{Phase: string(c.Status.Phase), Name: c.Spec.VolumeName}
	if c.Spec.StorageClassName != nil {
		v.Class = *c.Spec.StorageClassName
	}
	if q, ok := c.Spec.Resources.Requests[corev1.ResourceStorage]; ok {
		v.Requested = q.String()
	}
	if q, ok := c.Status.Capacity[corev1.ResourceStorage]; ok {
		v.Capacity = q.String()
	}
	return v
}

func mounts(p *corev1.Pod, claim string) bool {
	for _, v := range p.Spec.Volumes {
		if v.PersistentVolumeClaim != nil && v.PersistentVolumeClaim.ClaimName == claim {
			return true
		}
	}
	return false
}

func (e enricher) nodeSubject(ctx context.Context, t event.Target) (subject, error) {
	n, err := e.clients.Kube.CoreV1().Nodes().Get(ctx, t.Name, metav1.GetOptions{})
	if err != nil {
		return subject{}, err
	}
	s := of(kindNode, n)
	s.node = true
	s.pods = podQuery{fields: fields.OneTermEqualSelector("spec.nodeName", n.Name).String(),
		keep: func(p *corev1.Pod) bool { return p.Spec.NodeName == n.Name }}
	return s, nil
}

func (e enricher) service(ctx context.Context, t event.Target) (subject, error) {
	v, err := e.clients.Kube.CoreV1().Services(t.Namespace).Get(ctx, t.Name, metav1.GetOptions{})
	if err != nil {
		return subject{}, err
	}
	s := of(kindService, v)
	s.through = true
	// A Service without a selector has its endpoints from elsewhere.
	if len(v.Spec.Selector) > 0 {
		s.pods = podQuery{namespace: v.Namespace, labels: labels.SelectorFromSet(v.Spec.Selector)}
	}
	return s, nil
}

func (e enricher) namespace(ctx context.Context, t event.Target) (subject, error) {
	n, err := e.clients.Kube.CoreV1().Namespaces().Get(ctx, t.Name, metav1.GetOptions{})
	if err != nil {
		return subject{}, err
	}
	s := of(kindNamespace, n)
	s.pods = podQuery{namespace: n.Name, all: true}
	return s, nil
}

// metadata is the reader of all other kinds.
func (e enricher) metadata(ctx context.Context, t event.Target) (subject, error) {
	m, err := e.directory.Locate(ctx, t)
	if err != nil {
		return subject{}, err
	}
	s := of(t, m)
	s.metadataOnly = true
	return s, nil
}
