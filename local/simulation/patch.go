package simulation

import (
	"encoding/json"
	"errors"
	"mime"
	"net/http"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/mergepatch"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"sigs.k8s.io/yaml"
)

const (
	patchTypes = "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml, application/strategic-merge-patch+json"
	// maxPatchOperations bounds a JSON Patch, as the real server does.
	maxPatchOperations = 10000
)

func (h *handler) patch(w http.ResponseWriter, c *call) error {
	kind, raw, err := readPatch(c)
	if err != nil {
		return err
	}
	o := h.writeOptions(c)
	strictly := c.query.Get("fieldValidation") == metav1.FieldValidationStrict
	if kind != types.ApplyPatchType {
		return h.apply(w, c, o, patchMutation(c.resource, kind, raw, strictly))
	}
	return h.serverSideApply(w, c, o, raw)
}

// readPatch returns the patch as JSON and its type.
func readPatch(c *call) (types.PatchType, []byte, error) {
	media, _, err := mime.ParseMediaType(c.http.Header.Get("Content-Type"))
	if err != nil {
		return "", nil, unsupportedMedia(patchTypes)
	}
	raw, err := readBody(c.http)
	if err != nil {
		return "", nil, err
	}
	switch kind := types.PatchType(media); kind {
	case types.JSONPatchType, types.MergePatchType, types.StrategicMergePatchType:
		return kind, raw, nil
	case types.ApplyPatchType:
		converted, err := yaml.YAMLToJSON(raw)
		if err != nil {
			return "", nil, apierrors.NewBadRequest("error decoding YAML: " + err.Error())
		}
		return kind, converted, nil
	}
	return "", nil, unsupportedMedia(patchTypes)
}

// patchMutation applies a patch to the JSON of the current object. It runs inside the write's transaction, so that a test
// operation holds for exactly the state it is applied to.
func patchMutation(r *resource, kind types.PatchType, patch []byte, strictly bool) mutation {
	return func(current runtime.Object) (runtime.Object, error) {
		raw, err := json.Marshal(current)
		if err != nil {
			return nil, err
		}
		patched, err := applyPatch(kind, withType(raw, r.gvk()), patch, current)
		if err != nil {
			return nil, err
		}
		return decode(patched, r, strictly)
	}
}

func applyPatch(kind types.PatchType, document, patch []byte, schema runtime.Object) ([]byte, error) {
	switch kind {
	case types.JSONPatchType:
		return applyJSONPatch(document, patch)
	case types.MergePatchType:
		patched, err := jsonpatch.MergePatch(document, patch)
		if err != nil {
			return nil, apierrors.NewBadRequest("error decoding patch: " + err.Error())
		}
		return patched, nil
	default:
		patched, err := strategicpatch.StrategicMergePatch(document, patch, schema)
		return patched, strategicError(err)
	}
}

func applyJSONPatch(document, patch []byte) ([]byte, error) {
	operations, err := jsonpatch.DecodePatch(patch)
	if err != nil {
		return nil, apierrors.NewBadRequest("error decoding patch: " + err.Error())
	}
	if len(operations) > maxPatchOperations {
		return nil, apierrors.NewRequestEntityTooLargeError("the allowed maximum operations in a JSON patch is 10000")
	}
	patched, err := operations.Apply(document)
	if err != nil {
		return nil, unprocessable(err.Error())
	}
	return patched, nil
}

// unprocessable is what the real server says of a patch that does not fit the object: code 422, reason Invalid.
func unprocessable(why string) error {
	return apierrors.NewGenericServerResponse(http.StatusUnprocessableEntity, "", schema.GroupResource{}, "", why, 0, false)
}

// strategicError tells a patch that cannot be read (400) from one that does not fit (422).
func strategicError(err error) error {
	if err == nil {
		return nil
	}
	for _, malformed := range []error{
		mergepatch.ErrBadJSONDoc, mergepatch.ErrBadPatchFormatForPrimitiveList, mergepatch.ErrBadPatchFormatForRetainKeys,
		mergepatch.ErrBadPatchFormatForSetElementOrderList, mergepatch.ErrUnsupportedStrategicMergePatchFormat,
	} {
		if errors.Is(err, malformed) {
			return apierrors.NewBadRequest(err.Error())
		}
	}
	return unprocessable(err.Error())
}

// serverSideApply creates the object, or merges the applied configuration into it and records the manager. It does not
// track who owns which field: an applied value wins, and a field left out of a later apply stays.
func (h *handler) serverSideApply(w http.ResponseWriter, c *call, o writeOptions, raw []byte) error {
	if c.query.Get("fieldManager") == "" {
		return apierrors.NewBadRequest("PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch")
	}
	o.operation = metav1.ManagedFieldsOperationApply
	applied, err := decode(raw, c.resource, c.query.Get("fieldValidation") == metav1.FieldValidationStrict)
	if err != nil {
		return err
	}
	accessor := applied.(metav1.Object)
	if err := sameNamespace(c, accessor); err != nil {
		return err
	}
	if accessor.GetName() == "" {
		accessor.SetName(c.Name)
	}
	if accessor.GetName() != c.Name {
		return apierrors.NewBadRequest("the name of the object does not match the name on the URL")
	}
	if len(accessor.GetManagedFields()) > 0 {
		return apierrors.NewBadRequest("metadata.managedFields must be nil")
	}
	if c.Subresource == subresourceNone && h.cluster.store.get(c.resource, c.key()) == nil {
		created, err := h.cluster.registry.create(o, c.resource, applied)
		if err == nil {
			h.cluster.audit.add(c, created, true, o.now)
			return respond(w, c, http.StatusCreated, created)
		}
		if !apierrors.IsAlreadyExists(err) {
			return err
		}
		// Somebody created it in between: merge instead.
	}
	return h.apply(w, c, o, patchMutation(c.resource, types.StrategicMergePatchType, raw, false))
}
