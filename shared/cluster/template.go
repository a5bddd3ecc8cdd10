package cluster

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// digestLength is how many bytes of a hash tell the templates of one workload apart.
const digestLength = 8

// PodTemplate is the pod template of a workload; false for what has none.
func PodTemplate(object any) (t corev1.PodTemplateSpec, ok bool) {
	switch o := object.(type) {
	case *appsv1.Deployment:
		return o.Spec.Template, true
	case *appsv1.StatefulSet:
		return o.Spec.Template, true
	case *appsv1.DaemonSet:
		return o.Spec.Template, true
	case *appsv1.ReplicaSet:
		return o.Spec.Template, true
	}
	return t, false
}

// PlainTemplate is a copy of the template as its author wrote it: without the
// label by which a ReplicaSet tells its pods from its siblings'.
func PlainTemplate(t corev1.PodTemplateSpec) corev1.PodTemplateSpec {
	t = *t.DeepCopy()
	delete(t.Labels, appsv1.DefaultDeploymentUniqueLabelKey)
	return t
}

// TemplateDigest names a pod template as its author wrote it: 16 hex characters,
// equal for equal templates. A template may hold secrets; this does not.
func TemplateDigest(t corev1.PodTemplateSpec) (string, error) {
	if _, labelled := t.Labels[appsv1.DefaultDeploymentUniqueLabelKey]; labelled {
		t = PlainTemplate(t)
	}
	raw, err := json.Marshal(t)
	if err != nil {
		return "", fmt.Errorf("encode pod template: %w", err)
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:digestLength]), nil
}
