package simulation

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	jsonserializer "k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

const contentYAML = "application/yaml"

var (
	lenient = jsonserializer.NewSerializerWithOptions(jsonserializer.DefaultMetaFactory, scheme.Scheme, scheme.Scheme, jsonserializer.SerializerOptions{})
	strict  = jsonserializer.NewSerializerWithOptions(jsonserializer.DefaultMetaFactory, scheme.Scheme, scheme.Scheme, jsonserializer.SerializerOptions{Strict: true})
	binary  = protobuf.NewSerializer(scheme.Scheme, scheme.Scheme)
)

func (h *handler) writeOptions(c *call) writeOptions {
	return writeOptions{
		now: h.cluster.options.Now(), manager: c.FieldManager, operation: metav1.ManagedFieldsOperationUpdate,
		subresource: c.Subresource, dryRun: c.DryRun,
	}
}

func (h *handler) create(w http.ResponseWriter, c *call) error {
	object, err := readObject(c)
	if err != nil {
		return err
	}
	accessor := object.(metav1.Object)
	if err := sameNamespace(c, accessor); err != nil {
		return err
	}
	created, err := h.cluster.registry.create(h.writeOptions(c), c.resource, object)
	if err != nil {
		return err
	}
	c.Name = created.meta.GetName()
	h.cluster.audit.add(c, created, true, h.cluster.options.Now())
	return respond(w, c, http.StatusCreated, created)
}

func (h *handler) update(w http.ResponseWriter, c *call) error {
	object, err := readObject(c)
	if err != nil {
		return err
	}
	accessor := object.(metav1.Object)
	if err := sameNamespace(c, accessor); err != nil {
		return err
	}
	if accessor.GetName() != c.Name {
		return apierrors.NewBadRequest(fmt.Sprintf("the name of the object (%s) does not match the name on the URL (%s)", accessor.GetName(), c.Name))
	}
	return h.apply(w, c, h.writeOptions(c), func(runtime.Object) (runtime.Object, error) { return object, nil })
}

// apply runs a mutation through the registry, records it and answers with the result.
func (h *handler) apply(w http.ResponseWriter, c *call, o writeOptions, mutate mutation) error {
	result, changed, err := h.cluster.registry.update(o, c.resource, c.key(), mutate)
	if err != nil {
		return err
	}
	h.cluster.audit.add(c, result, changed, o.now)
	return respond(w, c, http.StatusOK, result)
}

func respond(w http.ResponseWriter, c *call, code int, result *item) error {
	wanted := formOf(c.http.Header.Get("Accept"))
	raw, err := wanted.render(result)
	if err != nil {
		return err
	}
	writeAs(w, code, wanted.media(), raw)
	return nil
}

func (h *handler) remove(w http.ResponseWriter, c *call) error {
	options, err := readDeleteOptions(c)
	if err != nil {
		return err
	}
	result, removed, err := h.cluster.registry.delete(h.writeOptions(c), c.resource, c.key(), options)
	if err != nil {
		return err
	}
	h.cluster.audit.add(c, result, !c.DryRun, h.cluster.options.Now())
	if removed && c.resource != pods {
		writeObject(w, http.StatusOK, deletedStatus(c.resource, result))
		return nil
	}
	return respond(w, c, http.StatusOK, result)
}

func deletedStatus(r *resource, gone *item) *metav1.Status {
	return &metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusSuccess,
		Details: &metav1.StatusDetails{Name: gone.meta.GetName(), Group: r.gvr.Group, Kind: r.gvr.Resource, UID: gone.meta.GetUID()},
	}
}

func (h *handler) removeAll(w http.ResponseWriter, c *call) error {
	options, err := readDeleteOptions(c)
	if err != nil {
		return err
	}
	selected, err := newFilter(c)
	if err != nil {
		return err
	}
	items, version := h.cluster.store.list(c.resource, c.Namespace)
	matching := selected.apply(items)
	for _, entry := range matching {
		gone, _, err := h.cluster.registry.delete(h.writeOptions(c), c.resource, entry.key(), options)
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return err
		}
		one := *c
		one.Name = entry.meta.GetName()
		h.cluster.audit.add(&one, gone, !c.DryRun, h.cluster.options.Now())
	}
	raw, err := form{}.renderList(c.resource, matching, version)
	if err != nil {
		return err
	}
	writeRaw(w, http.StatusOK, raw)
	return nil
}

// readDeleteOptions takes the body's options and lets the query's override them; a dry run asked for in either is one.
func readDeleteOptions(c *call) (*metav1.DeleteOptions, error) {
	options := &metav1.DeleteOptions{}
	raw, err := readJSON(c.http)
	if err != nil {
		return nil, err
	}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, options); err != nil {
			return nil, apierrors.NewBadRequest("couldn't read delete options: " + err.Error())
		}
	}
	if policy := c.query.Get("propagationPolicy"); policy != "" {
		value := metav1.DeletionPropagation(policy)
		options.PropagationPolicy = &value
	}
	var fromQuery metav1.DeleteOptions
	if err := metav1.Convert_url_Values_To_v1_DeleteOptions(&c.query, &fromQuery, nil); err == nil && fromQuery.GracePeriodSeconds != nil {
		options.GracePeriodSeconds = fromQuery.GracePeriodSeconds
	}
	dry, err := parseDryRun(options.DryRun)
	if err != nil {
		return nil, err
	}
	c.DryRun = c.DryRun || dry
	return options, nil
}

func readBody(r *http.Request) ([]byte, error) {
	raw, err := io.ReadAll(r.Body)
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, apierrors.NewRequestEntityTooLargeError(fmt.Sprintf("limit is %d", tooLarge.Limit))
	}
	if err != nil {
		return nil, apierrors.NewBadRequest("read body: " + err.Error())
	}
	return raw, nil
}

// readObject decodes the body into the resource's type.
func readObject(c *call) (runtime.Object, error) {
	raw, err := readJSON(c.http)
	if err != nil {
		return nil, err
	}
	object, err := decode(raw, c.resource, c.query.Get("fieldValidation") == metav1.FieldValidationStrict)
	if err != nil {
		return nil, err
	}
	return object, nil
}

// readJSON returns the body as JSON. YAML and protobuf, which client-go's typed clients prefer for built-in kinds, are converted: so the
// rest of the server knows one form. Answers are JSON always.
func readJSON(r *http.Request) ([]byte, error) {
	raw, err := readBody(r)
	if err != nil || len(raw) == 0 {
		return nil, err
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case r.Header.Get("Content-Type") == "" || err == nil && media == contentJSON:
		return raw, nil
	case err == nil && media == contentYAML:
		converted, err := yaml.YAMLToJSON(raw)
		if err != nil {
			return nil, apierrors.NewBadRequest("decode YAML: " + err.Error())
		}
		return converted, nil
	case err == nil && media == runtime.ContentTypeProtobuf:
		return protobufToJSON(raw)
	}
	return nil, unsupportedMedia(contentJSON + ", " + contentYAML + ", " + runtime.ContentTypeProtobuf)
}

func protobufToJSON(raw []byte) ([]byte, error) {
	object, gvk, err := binary.Decode(raw, nil, nil)
	if err != nil {
		return nil, apierrors.NewBadRequest("decode protobuf: " + err.Error())
	}
	object.GetObjectKind().SetGroupVersionKind(*gvk)
	return json.Marshal(object)
}

// decode reads JSON into a resource's type. A kind or version other than the resource's is a bad request.
func decode(raw []byte, r *resource, unknownFieldsFail bool) (runtime.Object, error) {
	serializer := lenient
	if unknownFieldsFail {
		serializer = strict
	}
	expected := r.gvk()
	object, actual, err := serializer.Decode(raw, &expected, nil)
	if err != nil {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("%s in version %q cannot be handled as a %s: %v", r.kind, r.gvr.Version, r.kind, err))
	}
	if *actual != expected {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("the object provided is unrecognized (must be of type %s): got %s", expected.Kind, actual))
	}
	object.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{})
	return object, nil
}

// sameNamespace fills in the URL's namespace, and refuses another one.
func sameNamespace(c *call, accessor metav1.Object) error {
	if accessor.GetNamespace() == "" {
		accessor.SetNamespace(c.Namespace)
	}
	if accessor.GetNamespace() == c.Namespace {
		return nil
	}
	return apierrors.NewBadRequest("the namespace of the provided object does not match the namespace sent on the request")
}
