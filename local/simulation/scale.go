package simulation

import (
	"encoding/json"
	"net/http"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

var scaleGVK = autoscalingv1.SchemeGroupVersion.WithKind("Scale")

// scalable is the part of a workload that its scale shows; it points into the object.
type scalable struct {
	replicas *int32
	current  int32
	selector *metav1.LabelSelector
}

func scalableOf(object runtime.Object) scalable {
	switch o := object.(type) {
	case *appsv1.Deployment:
		return scalable{o.Spec.Replicas, o.Status.Replicas, o.Spec.Selector}
	case *appsv1.ReplicaSet:
		return scalable{o.Spec.Replicas, o.Status.Replicas, o.Spec.Selector}
	case *appsv1.StatefulSet:
		return scalable{o.Spec.Replicas, o.Status.Replicas, o.Spec.Selector}
	}
	return scalable{}
}

func scaleOf(object runtime.Object) *autoscalingv1.Scale {
	accessor, part := object.(metav1.Object), scalableOf(object)
	scale := &autoscalingv1.Scale{
		ObjectMeta: metav1.ObjectMeta{
			Name: accessor.GetName(), Namespace: accessor.GetNamespace(), UID: accessor.GetUID(),
			ResourceVersion: accessor.GetResourceVersion(), CreationTimestamp: accessor.GetCreationTimestamp(),
		},
		Spec:   autoscalingv1.ScaleSpec{Replicas: *part.replicas},
		Status: autoscalingv1.ScaleStatus{Replicas: part.current},
	}
	if selector, err := metav1.LabelSelectorAsSelector(part.selector); err == nil {
		scale.Status.Selector = selector.String()
	}
	scale.SetGroupVersionKind(scaleGVK)
	return scale
}

// scale serves /scale of Deployments, ReplicaSets and StatefulSets.
func (h *handler) scale(w http.ResponseWriter, c *call) error {
	var wanted func(*autoscalingv1.Scale) (*autoscalingv1.Scale, error)
	switch c.Verb {
	case verbGet:
		found := h.cluster.store.get(c.resource, c.key())
		if found == nil {
			return apierrors.NewNotFound(c.resource.groupResource(), c.Name)
		}
		writeObject(w, http.StatusOK, scaleOf(found.object))
		return nil
	case verbUpdate:
		raw, err := readJSON(c.http)
		if err != nil {
			return err
		}
		wanted = func(*autoscalingv1.Scale) (*autoscalingv1.Scale, error) { return decodeScale(raw) }
	case verbPatch:
		kind, raw, err := readPatch(c)
		if err != nil {
			return err
		}
		if kind == types.ApplyPatchType {
			kind = types.MergePatchType
		}
		wanted = patchedScale(kind, raw)
	default:
		return methodNotAllowed(c.resource, c.Verb)
	}
	o := h.writeOptions(c)
	result, changed, err := h.cluster.registry.update(o, c.resource, c.key(), scaleMutation(c.resource, wanted))
	if err != nil {
		return err
	}
	h.cluster.audit.add(c, result, changed, o.now)
	writeObject(w, http.StatusOK, scaleOf(result.object))
	return nil
}

func patchedScale(kind types.PatchType, patch []byte) func(*autoscalingv1.Scale) (*autoscalingv1.Scale, error) {
	return func(current *autoscalingv1.Scale) (*autoscalingv1.Scale, error) {
		document, err := json.Marshal(current)
		if err != nil {
			return nil, err
		}
		patched, err := applyPatch(kind, document, patch, &autoscalingv1.Scale{})
		if err != nil {
			return nil, err
		}
		return decodeScale(patched)
	}
}

func decodeScale(raw []byte) (*autoscalingv1.Scale, error) {
	object, _, err := lenient.Decode(raw, &scaleGVK, nil)
	if err != nil {
		return nil, apierrors.NewBadRequest("decode Scale: " + err.Error())
	}
	scale, ok := object.(*autoscalingv1.Scale)
	if !ok {
		return nil, apierrors.NewBadRequest("the object provided is not an autoscaling/v1 Scale")
	}
	return scale, nil
}

// scaleMutation carries a Scale's replicas and preconditions over to the workload.
func scaleMutation(r *resource, wanted func(*autoscalingv1.Scale) (*autoscalingv1.Scale, error)) mutation {
	return func(current runtime.Object) (runtime.Object, error) {
		accessor := current.(metav1.Object)
		scale, err := wanted(scaleOf(current))
		if err != nil {
			return nil, err
		}
		if scale.Name != accessor.GetName() {
			return nil, apierrors.NewBadRequest("the name of the Scale does not match the name on the URL")
		}
		if scale.Spec.Replicas < 0 {
			return nil, invalidScale(scale)
		}
		if uid := scale.UID; uid != "" && uid != accessor.GetUID() {
			return nil, conflict(r, scale.Name, "Precondition failed: UID in precondition: "+string(uid)+", UID in object meta: "+string(accessor.GetUID()))
		}
		if scale.ResourceVersion != "" {
			accessor.SetResourceVersion(scale.ResourceVersion)
		}
		*scalableOf(current).replicas = scale.Spec.Replicas
		return current, nil
	}
}

func invalidScale(scale *autoscalingv1.Scale) error {
	errs := validation.ValidateNonnegativeField(int64(scale.Spec.Replicas), field.NewPath("spec", "replicas"))
	return apierrors.NewInvalid(schema.GroupKind{Group: "autoscaling", Kind: "Scale"}, scale.Name, errs)
}
