package simulation

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
)

// restartedAnnotation is what a rollout restart adds to a template; it changes nothing that runs.
const restartedAnnotation = "kubectl.kubernetes.io/restartedAt"

func hash32(text string) uint32 {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(text)) // a hash never fails
	return sum.Sum32()
}

// templateHash names a pod template as controllers do in labels and object names.
func templateHash(template *corev1.PodTemplateSpec) string {
	raw, err := json.Marshal(template)
	if err != nil {
		raw = []byte(fmt.Sprint(template)) // API types always encode
	}
	return rand.SafeEncodeString(fmt.Sprint(hash32(string(raw))))
}

// podFrom makes a pod of a template for its controller.
func (e *engine) podFrom(r *resource, owner metav1.Object, template *corev1.PodTemplateSpec) *corev1.Pod {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			GenerateName: owner.GetName() + "-", Namespace: owner.GetNamespace(),
			Labels: maps.Clone(template.Labels), Annotations: maps.Clone(template.Annotations), Finalizers: template.Finalizers,
			OwnerReferences: []metav1.OwnerReference{ownerReference(r, owner)},
		},
		Spec: *template.Spec.DeepCopy(),
	}
	if template.Annotations[AnnotationCrashUntilRestart] == annotationTrue {
		e.decideCure(pod, owner, template)
	}
	return pod
}

// cureKey names the illness that only a restart cures: the workload and what it runs, whatever ReplicaSet it runs in.
func cureKey(owner metav1.Object, template *corev1.PodTemplateSpec) string {
	root := owner.GetUID()
	if controller := metav1.GetControllerOf(owner); controller != nil {
		root = controller.UID
	}
	bare := template.DeepCopy()
	delete(bare.Annotations, restartedAnnotation)
	delete(bare.Labels, appsv1.DefaultDeploymentUniqueLabelKey)
	return string(root) + "/" + templateHash(bare)
}

// decideCure marks a new pod as cured when it replaces one that was deleted, or one of another ReplicaSet with the same content
// (a rollout restart).
func (e *engine) decideCure(pod *corev1.Pod, owner metav1.Object, template *corev1.PodTemplateSpec) {
	// The deletion that asks for this pod may be newer than what has been absorbed: without it the replacement would be ill too.
	e.absorb()
	key := cureKey(owner, template)
	first, known := e.sick[key]
	if !known {
		e.sick[key] = owner.GetUID()
	}
	if e.cured[key] || known && first != owner.GetUID() {
		pod.Annotations[AnnotationCured] = annotationTrue
	}
}

// noteReplacement remembers that an ill pod was deleted: the pods made after it are well.
func (e *engine) noteReplacement(pod *corev1.Pod) {
	controller := metav1.GetControllerOf(pod)
	if pod.Annotations[AnnotationCrashUntilRestart] != annotationTrue || controller == nil {
		return
	}
	r := ownerResource(*controller)
	if r == nil {
		return
	}
	found := e.store.get(r, ownerKey(r, *controller, pod.Namespace))
	if found == nil || found.meta.GetUID() != controller.UID {
		return
	}
	if template := templateOf(found.object); template != nil {
		e.cured[cureKey(found.meta, template)] = true
	}
}

func templateOf(object any) *corev1.PodTemplateSpec {
	switch o := object.(type) {
	case *appsv1.Deployment:
		return &o.Spec.Template
	case *appsv1.ReplicaSet:
		return &o.Spec.Template
	case *appsv1.StatefulSet:
		return &o.Spec.Template
	case *appsv1.DaemonSet:
		return &o.Spec.Template
	}
	return nil
}

// alive says whether a pod counts towards its controller's number.
func alive(pod *corev1.Pod) bool {
	return pod.DeletionTimestamp == nil && pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed
}
