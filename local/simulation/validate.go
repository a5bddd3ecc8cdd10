package simulation

import (
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	utilvalidation "k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

const immutable = "field is immutable"

// validate answers as the real server where a client can tell: 422 Invalid with a cause per field. old is nil on create.
func validate(r *resource, object, old runtime.Object) error {
	accessor := object.(metav1.Object)
	errs := validateMetadata(r, accessor, old)
	spec := field.NewPath("spec")
	switch o := object.(type) {
	case *appsv1.Deployment:
		errs = append(errs, validateWorkload(spec, workload{o.Spec.Replicas, o.Spec.Selector, &o.Spec.Template})...)
		if before, ok := old.(*appsv1.Deployment); ok {
			errs = append(errs, sameSelector(spec, before.Spec.Selector, o.Spec.Selector)...)
		}
	case *appsv1.ReplicaSet:
		errs = append(errs, validateWorkload(spec, workload{o.Spec.Replicas, o.Spec.Selector, &o.Spec.Template})...)
		if before, ok := old.(*appsv1.ReplicaSet); ok {
			errs = append(errs, sameSelector(spec, before.Spec.Selector, o.Spec.Selector)...)
		}
	case *appsv1.StatefulSet:
		errs = append(errs, validateWorkload(spec, workload{o.Spec.Replicas, o.Spec.Selector, &o.Spec.Template})...)
		if before, ok := old.(*appsv1.StatefulSet); ok {
			errs = append(errs, validateStatefulSetUpdate(spec, before, o)...)
		}
	case *appsv1.DaemonSet:
		errs = append(errs, validateWorkload(spec, workload{nil, o.Spec.Selector, &o.Spec.Template})...)
		if before, ok := old.(*appsv1.DaemonSet); ok {
			errs = append(errs, sameSelector(spec, before.Spec.Selector, o.Spec.Selector)...)
		}
	case *batchv1.Job:
		errs = append(errs, validatePodSpec(spec.Child("template", "spec"), &o.Spec.Template.Spec)...)
	case *corev1.Pod:
		errs = append(errs, validatePodSpec(spec, &o.Spec)...)
		if before, ok := old.(*corev1.Pod); ok {
			errs = append(errs, validatePodUpdate(spec, before, o)...)
		}
	case *autoscalingv2.HorizontalPodAutoscaler:
		errs = append(errs, validateAutoscaler(spec, o)...)
	case *policyv1.PodDisruptionBudget:
		if o.Spec.MinAvailable != nil && o.Spec.MaxUnavailable != nil {
			errs = append(errs, field.Invalid(spec, "", "minAvailable and maxUnavailable cannot be both set"))
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return apierrors.NewInvalid(r.gvk().GroupKind(), accessor.GetName(), errs)
}

func validateMetadata(r *resource, accessor metav1.Object, old runtime.Object) field.ErrorList {
	path := field.NewPath("metadata")
	var errs field.ErrorList
	if old == nil {
		errs = append(errs, validateName(r, path, accessor.GetName())...)
	} else if name := old.(metav1.Object).GetName(); name != accessor.GetName() {
		errs = append(errs, field.Invalid(path.Child("name"), accessor.GetName(), immutable))
	}
	errs = append(errs, metav1validation.ValidateLabels(accessor.GetLabels(), path.Child("labels"))...)
	return append(errs, validation.ValidateAnnotations(accessor.GetAnnotations(), path.Child("annotations"))...)
}

func validateName(r *resource, path *field.Path, name string) field.ErrorList {
	if name == "" {
		return field.ErrorList{field.Required(path.Child("name"), "name or generateName is required")}
	}
	if r.gvr.Group == "rbac.authorization.k8s.io" {
		return nil // colons are allowed there
	}
	check := utilvalidation.IsDNS1123Subdomain
	if r == namespaces || r == services || r == statefulSets {
		check = utilvalidation.IsDNS1123Label
	}
	var errs field.ErrorList
	for _, problem := range check(name) {
		errs = append(errs, field.Invalid(path.Child("name"), name, problem))
	}
	return errs
}

type workload struct {
	replicas *int32
	selector *metav1.LabelSelector
	template *corev1.PodTemplateSpec
}

func validateWorkload(path *field.Path, w workload) field.ErrorList {
	var errs field.ErrorList
	if w.replicas != nil {
		errs = append(errs, validation.ValidateNonnegativeField(int64(*w.replicas), path.Child("replicas"))...)
	}
	if w.selector == nil {
		errs = append(errs, field.Required(path.Child("selector"), ""))
	} else if selector, err := metav1.LabelSelectorAsSelector(w.selector); err != nil {
		errs = append(errs, field.Invalid(path.Child("selector"), w.selector, err.Error()))
	} else if selector.Empty() {
		errs = append(errs, field.Invalid(path.Child("selector"), w.selector, "empty selector is invalid"))
	} else if !selector.Matches(labels.Set(w.template.Labels)) {
		errs = append(errs, field.Invalid(path.Child("template", "metadata", "labels"), w.template.Labels, "`selector` does not match template `labels`"))
	}
	if policy := w.template.Spec.RestartPolicy; policy != corev1.RestartPolicyAlways {
		errs = append(errs, field.NotSupported(path.Child("template", "spec", "restartPolicy"), policy, []corev1.RestartPolicy{corev1.RestartPolicyAlways}))
	}
	return append(errs, validatePodSpec(path.Child("template", "spec"), &w.template.Spec)...)
}

func sameSelector(path *field.Path, before, after *metav1.LabelSelector) field.ErrorList {
	if equality.Semantic.DeepEqual(before, after) {
		return nil
	}
	return field.ErrorList{field.Invalid(path.Child("selector"), after, immutable)}
}

func validateStatefulSetUpdate(path *field.Path, before, after *appsv1.StatefulSet) field.ErrorList {
	allowed := after.Spec.DeepCopy()
	allowed.Replicas, allowed.Template, allowed.UpdateStrategy = before.Spec.Replicas, before.Spec.Template, before.Spec.UpdateStrategy
	allowed.MinReadySeconds, allowed.Ordinals = before.Spec.MinReadySeconds, before.Spec.Ordinals
	allowed.RevisionHistoryLimit = before.Spec.RevisionHistoryLimit
	allowed.PersistentVolumeClaimRetentionPolicy = before.Spec.PersistentVolumeClaimRetentionPolicy
	if equality.Semantic.DeepEqual(*allowed, before.Spec) {
		return nil
	}
	return field.ErrorList{field.Forbidden(path, "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden")}
}

func validateAutoscaler(path *field.Path, o *autoscalingv2.HorizontalPodAutoscaler) field.ErrorList {
	var errs field.ErrorList
	if o.Spec.MinReplicas != nil && *o.Spec.MinReplicas < 1 {
		errs = append(errs, field.Invalid(path.Child("minReplicas"), *o.Spec.MinReplicas, "must be greater than or equal to 1"))
	}
	if o.Spec.MaxReplicas < 1 {
		errs = append(errs, field.Invalid(path.Child("maxReplicas"), o.Spec.MaxReplicas, "must be greater than 0"))
	}
	if o.Spec.MinReplicas != nil && o.Spec.MaxReplicas < *o.Spec.MinReplicas {
		errs = append(errs, field.Invalid(path.Child("maxReplicas"), o.Spec.MaxReplicas, "must be greater than or equal to `minReplicas`"))
	}
	if o.Spec.ScaleTargetRef.Kind == "" {
		errs = append(errs, field.Required(path.Child("scaleTargetRef", "kind"), ""))
	}
	if o.Spec.ScaleTargetRef.Name == "" {
		errs = append(errs, field.Required(path.Child("scaleTargetRef", "name"), ""))
	}
	return errs
}
