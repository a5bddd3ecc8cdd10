package simulation

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/version"
)

const (
	contentJSON     = "application/json"
	contentProtobuf = "application/vnd.kubernetes.protobuf"
)

var serverVersion = &version.Info{
	Major: "1", Minor: "35", GitVersion: "v1.35.7+simulation", GitTreeState: "clean", GoVersion: "go1.26", Compiler: "gc", Platform: "linux/amd64",
}

func writeRaw(w http.ResponseWriter, code int, raw []byte) { writeAs(w, code, contentJSON, raw) }

func writeAs(w http.ResponseWriter, code int, media string, raw []byte) {
	w.Header().Set("Content-Type", media)
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
	return statusError(http.StatusNotAcceptable, metav1.StatusReasonNotAcceptable, "only the following media types are accepted: application/json, "+contentProtobuf)
}

func unsupportedMedia(supported string) error {
	return statusError(http.StatusUnsupportedMediaType, metav1.StatusReasonUnsupportedMediaType,
		"the body of the request was in an unknown format - accepted media types include: "+supported)
}
