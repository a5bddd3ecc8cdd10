package simulation

import (
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// The real server's defaults for the fields that controllers, clients and actions read.
const (
	defaultReplicas             = 1
	defaultProgressDeadline     = 600
	defaultRevisionHistory      = 10
	defaultBackoffLimit         = 6
	defaultPartition            = 0
	defaultRollingShare         = "25%"
	defaultProbePeriodSeconds   = 10
	defaultProbeFailures        = 3
	latestTag                   = "latest"
	defaultTerminationMessage   = "/dev/termination-log"
	defaultScheduler            = "default-scheduler"
	namespaceNameLabel          = "kubernetes.io/metadata.name"
	kubernetesFinalizer         = "kubernetes"
	nodeHostnameLabel           = corev1.LabelHostname
	defaultServiceAccountName   = "default"
	defaultTolerationSeconds    = 300
	defaultMinReplicasAutoscale = 1
)

func orDefault[T any](pointer **T, value T) {
	if *pointer == nil {
		*pointer = &value
	}
}

func orZero[T comparable](target *T, value T) {
	var zero T
	if *target == zero {
		*target = value
	}
}

// applyDefaults fills in what the real server would, so that a client reads the same from both.
func applyDefaults(object runtime.Object) {
	switch o := object.(type) {
	case *appsv1.Deployment:
		defaultDeployment(o)
	case *appsv1.ReplicaSet:
		orDefault(&o.Spec.Replicas, defaultReplicas)
		defaultPodSpec(&o.Spec.Template.Spec)
	case *appsv1.StatefulSet:
		defaultStatefulSet(o)
	case *appsv1.DaemonSet:
		defaultDaemonSet(o)
	case *batchv1.Job:
		orDefault(&o.Spec.Parallelism, 1)
		orDefault(&o.Spec.Completions, 1)
		orDefault(&o.Spec.BackoffLimit, defaultBackoffLimit)
		defaultPodSpec(&o.Spec.Template.Spec)
	case *corev1.Pod:
		defaultPodSpec(&o.Spec)
		defaultTolerations(o)
		orZero(&o.Status.Phase, corev1.PodPending)
	case *corev1.Namespace:
		defaultNamespaceObject(o)
	case *corev1.Node:
		if o.Labels == nil {
			o.Labels = map[string]string{}
		}
		if o.Labels[nodeHostnameLabel] == "" {
			o.Labels[nodeHostnameLabel] = o.Name
		}
	case *corev1.PersistentVolumeClaim:
		orZero(&o.Status.Phase, corev1.ClaimPending)
	case *corev1.Service:
		orZero(&o.Spec.Type, corev1.ServiceTypeClusterIP)
		orZero(&o.Spec.SessionAffinity, corev1.ServiceAffinityNone)
	case *autoscalingv2.HorizontalPodAutoscaler:
		orDefault(&o.Spec.MinReplicas, defaultMinReplicasAutoscale)
	}
}

func defaultDeployment(o *appsv1.Deployment) {
	orDefault(&o.Spec.Replicas, defaultReplicas)
	orDefault(&o.Spec.RevisionHistoryLimit, defaultRevisionHistory)
	orDefault(&o.Spec.ProgressDeadlineSeconds, defaultProgressDeadline)
	orZero(&o.Spec.Strategy.Type, appsv1.RollingUpdateDeploymentStrategyType)
	if o.Spec.Strategy.Type == appsv1.RollingUpdateDeploymentStrategyType {
		if o.Spec.Strategy.RollingUpdate == nil {
			o.Spec.Strategy.RollingUpdate = &appsv1.RollingUpdateDeployment{}
		}
		orDefault(&o.Spec.Strategy.RollingUpdate.MaxSurge, intstr.FromString(defaultRollingShare))
		orDefault(&o.Spec.Strategy.RollingUpdate.MaxUnavailable, intstr.FromString(defaultRollingShare))
	}
	defaultPodSpec(&o.Spec.Template.Spec)
}

func defaultStatefulSet(o *appsv1.StatefulSet) {
	orDefault(&o.Spec.Replicas, defaultReplicas)
	orDefault(&o.Spec.RevisionHistoryLimit, defaultRevisionHistory)
	orZero(&o.Spec.PodManagementPolicy, appsv1.OrderedReadyPodManagement)
	orZero(&o.Spec.UpdateStrategy.Type, appsv1.RollingUpdateStatefulSetStrategyType)
	if o.Spec.UpdateStrategy.Type == appsv1.RollingUpdateStatefulSetStrategyType {
		if o.Spec.UpdateStrategy.RollingUpdate == nil {
			o.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateStatefulSetStrategy{}
		}
		orDefault(&o.Spec.UpdateStrategy.RollingUpdate.Partition, defaultPartition)
	}
	defaultPodSpec(&o.Spec.Template.Spec)
}

func defaultDaemonSet(o *appsv1.DaemonSet) {
	orDefault(&o.Spec.RevisionHistoryLimit, defaultRevisionHistory)
	orZero(&o.Spec.UpdateStrategy.Type, appsv1.RollingUpdateDaemonSetStrategyType)
	if o.Spec.UpdateStrategy.Type == appsv1.RollingUpdateDaemonSetStrategyType {
		if o.Spec.UpdateStrategy.RollingUpdate == nil {
			o.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{}
		}
		orDefault(&o.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable, intstr.FromInt32(1))
		orDefault(&o.Spec.UpdateStrategy.RollingUpdate.MaxSurge, intstr.FromInt32(0))
	}
	defaultPodSpec(&o.Spec.Template.Spec)
}

func defaultNamespaceObject(o *corev1.Namespace) {
	if o.Labels == nil {
		o.Labels = map[string]string{}
	}
	o.Labels[namespaceNameLabel] = o.Name
	orZero(&o.Status.Phase, corev1.NamespaceActive)
	if len(o.Spec.Finalizers) == 0 && o.DeletionTimestamp == nil {
		o.Spec.Finalizers = []corev1.FinalizerName{kubernetesFinalizer}
	}
}

func defaultPodSpec(spec *corev1.PodSpec) {
	orZero(&spec.RestartPolicy, corev1.RestartPolicyAlways)
	orZero(&spec.DNSPolicy, corev1.DNSClusterFirst)
	orZero(&spec.SchedulerName, defaultScheduler)
	orDefault(&spec.TerminationGracePeriodSeconds, int64(corev1.DefaultTerminationGracePeriodSeconds))
	orDefault(&spec.SecurityContext, corev1.PodSecurityContext{})
	for i := range spec.InitContainers {
		defaultContainer(&spec.InitContainers[i])
	}
	for i := range spec.Containers {
		defaultContainer(&spec.Containers[i])
	}
}

func defaultContainer(c *corev1.Container) {
	orZero(&c.TerminationMessagePath, defaultTerminationMessage)
	orZero(&c.TerminationMessagePolicy, corev1.TerminationMessageReadFile)
	pull := corev1.PullIfNotPresent
	if imageTag(c.Image) == latestTag {
		pull = corev1.PullAlways
	}
	orZero(&c.ImagePullPolicy, pull)
	for i := range c.Ports {
		orZero(&c.Ports[i].Protocol, corev1.ProtocolTCP)
	}
	for _, probe := range []*corev1.Probe{c.ReadinessProbe, c.LivenessProbe, c.StartupProbe} {
		if probe != nil {
			orZero(&probe.TimeoutSeconds, 1)
			orZero(&probe.PeriodSeconds, defaultProbePeriodSeconds)
			orZero(&probe.SuccessThreshold, 1)
			orZero(&probe.FailureThreshold, defaultProbeFailures)
		}
	}
	// A limit without a request is the request too.
	for name, limit := range c.Resources.Limits {
		if _, set := c.Resources.Requests[name]; !set {
			if c.Resources.Requests == nil {
				c.Resources.Requests = corev1.ResourceList{}
			}
			c.Resources.Requests[name] = limit.DeepCopy()
		}
	}
}

// defaultTolerations lets a pod stay five minutes on a node that is not ready, as the real admission plugin does.
func defaultTolerations(pod *corev1.Pod) {
	for _, key := range []string{corev1.TaintNodeNotReady, corev1.TaintNodeUnreachable} {
		tolerated := false
		for _, toleration := range pod.Spec.Tolerations {
			tolerated = tolerated || (toleration.Key == key || toleration.Key == "") && toleration.Effect != corev1.TaintEffectNoSchedule
		}
		if tolerated {
			continue
		}
		seconds := int64(defaultTolerationSeconds)
		pod.Spec.Tolerations = append(pod.Spec.Tolerations, corev1.Toleration{
			Key: key, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: &seconds,
		})
	}
	orZero(&pod.Spec.ServiceAccountName, defaultServiceAccountName)
}

// imageTag returns the tag of an image reference; no tag is "latest", a digest has none.
func imageTag(image string) string {
	if at := strings.IndexByte(image, '@'); at >= 0 {
		image = image[:at]
		if !strings.Contains(image[strings.LastIndexByte(image, '/')+1:], ":") {
			return ""
		}
	}
	name := image[strings.LastIndexByte(image, '/')+1:]
	if colon := strings.IndexByte(name, ':'); colon >= 0 {
		return name[colon+1:]
	}
	return latestTag
}

// ownerReference makes owner the controller of an object.
func ownerReference(r *resource, owner metav1.Object) metav1.OwnerReference {
	yes := true
	return metav1.OwnerReference{
		APIVersion: r.gvr.GroupVersion().String(), Kind: r.kind, Name: owner.GetName(), UID: owner.GetUID(),
		Controller: &yes, BlockOwnerDeletion: &yes,
	}
}
