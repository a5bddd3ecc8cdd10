package simulation

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	utilvalidation "k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

func validatePodSpec(path *field.Path, spec *corev1.PodSpec) field.ErrorList {
	var errs field.ErrorList
	if len(spec.Containers) == 0 {
		errs = append(errs, field.Required(path.Child("containers"), ""))
	}
	names := map[string]bool{}
	for i := range spec.Containers {
		c, at := &spec.Containers[i], path.Child("containers").Index(i)
		errs = append(errs, validateContainer(at, c)...)
		if names[c.Name] {
			errs = append(errs, field.Duplicate(at.Child("name"), c.Name))
		}
		names[c.Name] = true
	}
	for i := range spec.InitContainers {
		errs = append(errs, validateContainer(path.Child("initContainers").Index(i), &spec.InitContainers[i])...)
	}
	return errs
}

func validateContainer(path *field.Path, c *corev1.Container) field.ErrorList {
	var errs field.ErrorList
	if c.Name == "" {
		errs = append(errs, field.Required(path.Child("name"), ""))
	} else {
		for _, problem := range utilvalidation.IsDNS1123Label(c.Name) {
			errs = append(errs, field.Invalid(path.Child("name"), c.Name, problem))
		}
	}
	if c.Image == "" {
		errs = append(errs, field.Required(path.Child("image"), ""))
	}
	return append(errs, validateResources(path.Child("resources"), c.Resources)...)
}

func validateResources(path *field.Path, r corev1.ResourceRequirements) field.ErrorList {
	var errs field.ErrorList
	for name, quantity := range r.Limits {
		if quantity.Sign() < 0 {
			errs = append(errs, field.Invalid(path.Child("limits").Key(string(name)), quantity.String(), "must be greater than or equal to 0"))
		}
	}
	for name, quantity := range r.Requests {
		at := path.Child("requests").Key(string(name))
		if quantity.Sign() < 0 {
			errs = append(errs, field.Invalid(at, quantity.String(), "must be greater than or equal to 0"))
		}
		if limit, set := r.Limits[name]; set && quantity.Cmp(limit) > 0 {
			errs = append(errs, field.Invalid(at, quantity.String(), fmt.Sprintf("must be less than or equal to %s limit of %s", name, limit.String())))
		}
	}
	return errs
}

// validatePodUpdate lets only those fields of a pod change that the real server lets.
func validatePodUpdate(path *field.Path, before, after *corev1.Pod) field.ErrorList {
	if len(before.Spec.Containers) != len(after.Spec.Containers) {
		return field.ErrorList{field.Forbidden(path, "pod updates may not add or remove containers")}
	}
	allowed := after.Spec.DeepCopy()
	for i := range allowed.Containers {
		allowed.Containers[i].Image = before.Spec.Containers[i].Image
	}
	allowed.ActiveDeadlineSeconds, allowed.Tolerations = before.Spec.ActiveDeadlineSeconds, before.Spec.Tolerations
	allowed.TerminationGracePeriodSeconds = before.Spec.TerminationGracePeriodSeconds
	if equality.Semantic.DeepEqual(*allowed, before.Spec) {
		return nil
	}
	return field.ErrorList{field.Forbidden(path, "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)")}
}
