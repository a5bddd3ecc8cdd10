package simulation

import (
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"strconv"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/version"
)

const contentJSON = "application/json"

var serverVersion = &version.Info{
	Major: "1", Minor: "35", GitVersion: "v1.35.7+simulation", GitTreeState: "clean", GoVersion: "go1.26", Compiler: "gc", Platform: "linux/amd64",
}

func writeRaw(w http.ResponseWriter, code int, raw []byte) {
	w.Header().Set("Content-Type", contentJSON)
	w.Header().Set("Content-Length", strconv.Itoa(len(raw)))
	w.WriteHeader(code)
	_, _ = w.Write(raw) // a client that hung up is the only cause of an error here
}

func writeObject(w http.ResponseWriter, code int, object any) {
	raw, err := json.Marshal(object)
	if err != nil {
		writeError(w, err)
		return
	}
	writeRaw(w, code, raw)
}

// writeError answers with a Status; an error that is none is an internal one.
func writeError(w http.ResponseWriter, err error) {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		status = apierrors.NewInternalError(err)
	}
	body := status.Status()
	body.TypeMeta = metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}
	if body.Details != nil && body.Details.RetryAfterSeconds > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(body.Details.RetryAfterSeconds)))
	}
	writeObject(w, int(body.Code), body)
}

func statusError(code int32, reason metav1.StatusReason, message string) error {
	return &apierrors.StatusError{ErrStatus: metav1.Status{Status: metav1.StatusFailure, Code: code, Reason: reason, Message: message}}
}

func notAcceptable() error {
	return statusError(http.StatusNotAcceptable, metav1.StatusReasonNotAcceptable, "only the following media types are accepted: application/json")
}

func unsupportedMedia(supported string) error {
	return statusError(http.StatusUnsupportedMediaType, metav1.StatusReasonUnsupportedMediaType,
		"the body of the request was in an unknown format - accepted media types include: "+supported)
}

// form is how a client wants objects: whole, or their metadata only.
type form struct{ metadataOnly bool }

// acceptable says whether any of the wanted media types is JSON.
func acceptable(accept string) bool {
	if accept == "" {
		return true
	}
	for clause := range strings.SplitSeq(accept, ",") {
		if media, _, err := mime.ParseMediaType(clause); err == nil && (media == contentJSON || media == "*/*" || media == "application/*" || media == "text/plain") {
			return true
		}
	}
	return false
}

// formOf takes the first clause of the Accept header that can be honoured; tables cannot, and kubectl has a fallback.
func formOf(accept string) form {
	for clause := range strings.SplitSeq(accept, ",") {
		media, parameters, err := mime.ParseMediaType(clause)
		if err != nil || media != contentJSON {
			continue
		}
		switch parameters["as"] {
		case "PartialObjectMetadata", "PartialObjectMetadataList":
			return form{metadataOnly: true}
		case "":
			return form{}
		}
	}
	return form{}
}

var partialGVK = schema.GroupVersionKind{Group: "meta.k8s.io", Version: "v1", Kind: "PartialObjectMetadata"}

// render encodes one object in the wanted form.
func (f form) render(i *item) ([]byte, error) {
	if !f.metadataOnly {
		return i.full()
	}
	return json.Marshal(partial(i))
}

func partial(i *item) *metav1.PartialObjectMetadata {
	out := metav1.PartialObjectMetadata{}
	out.SetGroupVersionKind(partialGVK)
	meta := fieldOf(i.object, "ObjectMeta")
	if meta.IsValid() {
		out.ObjectMeta = meta.Interface().(metav1.ObjectMeta)
	}
	return &out
}
