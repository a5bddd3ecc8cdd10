package function

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// admitted is a template's pod as the API server makes it. In pods, not in
// templates, what stands only as a limit becomes a request of the same size; then
// LimitRanges give containers what they still lack. Of several LimitRanges the
// first one gives: in which order the API server asks them is not defined.
func admitted(template corev1.PodSpec, ranges []corev1.LimitRange) corev1.PodSpec {
	pod := template.DeepCopy()
	for _, containers := range [][]corev1.Container{pod.InitContainers, pod.Containers} {
		for i := range containers {
			r := &containers[i].Resources
			r.Requests = filled(r.Requests, r.Limits)
			for j := range ranges {
				for _, item := range ranges[j].Spec.Limits {
					if item.Type == corev1.LimitTypeContainer {
						r.Limits, r.Requests = filled(r.Limits, item.Default), filled(r.Requests, item.DefaultRequest)
					}
				}
			}
		}
	}
	return *pod
}

// filled is the list with what it lacks taken from another.
func filled(list, otherwise corev1.ResourceList) corev1.ResourceList {
	for name, q := range otherwise {
		if _, ok := list[name]; !ok {
			if list == nil {
				list = corev1.ResourceList{}
			}
			list[name] = q.DeepCopy()
		}
	}
	return list
}

// counted is one side of one resource of containers.
type counted struct {
	side func(corev1.ResourceRequirements) corev1.ResourceList
	name corev1.ResourceName
}

func limitsOf(r corev1.ResourceRequirements) corev1.ResourceList   { return r.Limits }
func requestsOf(r corev1.ResourceRequirements) corev1.ResourceList { return r.Requests }

const prefixLimits = "limits."

// countedBy is what a quota means by a name; without a prefix it means requests.
func countedBy(name corev1.ResourceName) counted {
	if limit, ok := strings.CutPrefix(string(name), prefixLimits); ok {
		return counted{limitsOf, corev1.ResourceName(limit)}
	}
	return counted{requestsOf, corev1.ResourceName(strings.TrimPrefix(string(name), corev1.DefaultResourceRequestsPrefix))}
}

// podTakes is what one pod takes of what a quota counts by that name.
func podTakes(pod corev1.PodSpec, name corev1.ResourceName) resource.Quantity {
	if name == corev1.ResourcePods || name == "count/pods" {
		return *resource.NewQuantity(1, resource.DecimalSI)
	}
	return podTotal(pod, countedBy(name))
}

// podTotal is what a pod's containers come to: those that run side by side, or an
// init container with the sidecars before it, where that is more.
func podTotal(pod corev1.PodSpec, c counted) resource.Quantity {
	var beside, most resource.Quantity
	for _, box := range pod.InitContainers {
		own := c.side(box.Resources)[c.name].DeepCopy()
		own.Add(beside)
		most = larger(most, own)
		if box.RestartPolicy != nil && *box.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			beside = own
		}
	}
	for _, box := range pod.Containers {
		beside.Add(c.side(box.Resources)[c.name])
	}
	return larger(most, beside)
}

// without names a container that does not set what a quota counts. A quota on
// processors or memory, and no other, refuses the pod of such a container.
func without(pod corev1.PodSpec, name corev1.ResourceName) string {
	c := countedBy(name)
	if c.name != corev1.ResourceCPU && c.name != corev1.ResourceMemory {
		return ""
	}
	for _, containers := range [][]corev1.Container{pod.Containers, pod.InitContainers} {
		for _, box := range containers {
			if _, ok := c.side(box.Resources)[c.name]; !ok {
				return box.Name
			}
		}
	}
	return ""
}

func larger(a, b resource.Quantity) resource.Quantity {
	if a.Cmp(b) < 0 {
		return b
	}
	return a
}
