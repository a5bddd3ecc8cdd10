package simulation

import (
	"strconv"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
)

// filter holds a list's or watch's selectors.
type filter struct {
	namespace string
	labels    labels.Selector
	fields    fields.Selector
}

func newFilter(c *call) (*filter, error) {
	byLabel, err := labels.Parse(c.query.Get("labelSelector"))
	if err != nil {
		return nil, apierrors.NewBadRequest("unable to parse labelSelector: " + err.Error())
	}
	byField, err := fields.ParseSelector(c.query.Get("fieldSelector"))
	if err != nil {
		return nil, apierrors.NewBadRequest("unable to parse fieldSelector: " + err.Error())
	}
	known := fieldsOf(c.resource, c.resource.create())
	for _, requirement := range byField.Requirements() {
		if !known.Has(requirement.Field) {
			return nil, apierrors.NewBadRequest("field label not supported: " + requirement.Field)
		}
	}
	// A get by name is written as a watch or list of one: the name in the path narrows it.
	if c.Name != "" {
		byField = fields.AndSelectors(byField, fields.OneTermEqualSelector("metadata.name", c.Name))
	}
	return &filter{namespace: c.Namespace, labels: byLabel, fields: byField}, nil
}

func (f *filter) matches(i *item) bool {
	if f.namespace != "" && i.meta.GetNamespace() != f.namespace {
		return false
	}
	if !f.labels.Empty() && !f.labels.Matches(labels.Set(i.meta.GetLabels())) {
		return false
	}
	return f.fields.Empty() || f.fields.Matches(i.fields())
}

func (f *filter) apply(items []*item) []*item {
	out := items[:0:0]
	for _, entry := range items {
		if f.matches(entry) {
			out = append(out, entry)
		}
	}
	return out
}

// fields are found once per committed state.
func (i *item) fields() fields.Set {
	if cached := i.selectable.Load(); cached != nil {
		return *cached
	}
	set := fieldsOf(i.resource, i.object)
	i.selectable.Store(&set)
	return set
}

// fieldsOf returns the fields of an object that a selector may name, as the real server offers per kind.
func fieldsOf(r *resource, object any) fields.Set {
	set := fields.Set{}
	if accessor, ok := object.(interface {
		GetName() string
		GetNamespace() string
	}); ok {
		set["metadata.name"] = accessor.GetName()
		if r.namespaced {
			set["metadata.namespace"] = accessor.GetNamespace()
		}
	}
	switch o := object.(type) {
	case *corev1.Pod:
		set["spec.nodeName"] = o.Spec.NodeName
		set["spec.restartPolicy"] = string(o.Spec.RestartPolicy)
		set["spec.schedulerName"] = o.Spec.SchedulerName
		set["spec.serviceAccountName"] = o.Spec.ServiceAccountName
		set["spec.hostNetwork"] = strconv.FormatBool(o.Spec.HostNetwork)
		set["status.phase"] = string(o.Status.Phase)
		set["status.podIP"] = o.Status.PodIP
		set["status.nominatedNodeName"] = o.Status.NominatedNodeName
	case *corev1.Event:
		ref := o.InvolvedObject
		set["involvedObject.kind"], set["involvedObject.namespace"] = ref.Kind, ref.Namespace
		set["involvedObject.name"], set["involvedObject.uid"] = ref.Name, string(ref.UID)
		set["involvedObject.apiVersion"], set["involvedObject.resourceVersion"] = ref.APIVersion, ref.ResourceVersion
		set["involvedObject.fieldPath"] = ref.FieldPath
		set["reason"], set["type"], set["source"] = o.Reason, o.Type, o.Source.Component
		set["reportingComponent"] = o.ReportingController
	case *corev1.Node:
		set["spec.unschedulable"] = strconv.FormatBool(o.Spec.Unschedulable)
	case *corev1.Namespace:
		set["status.phase"] = string(o.Status.Phase)
	case *corev1.Secret:
		set["type"] = string(o.Type)
	}
	return set
}
