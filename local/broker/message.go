package broker

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"knative.dev/eventing/pkg/apis"
	"knative.dev/eventing/pkg/kncloudevents/attributes"
)

const (
	headerPrefer    = "Prefer"
	preferReply     = "reply"
	headerTTL       = "Ce-Knativebrokerttl"
	headerErrorDest = "Ce-Knativeerrordest"
	headerErrorCode = "Ce-Knativeerrorcode"
	headerErrorData = "Ce-Knativeerrordata"
)

// message is an event ready for the wire, encoded once for all its Triggers. It is never changed.
type message struct {
	id, typ  string
	header   http.Header
	body     []byte
	ttl      int32
	accepted time.Time
}

// newMessage encodes ev in binary mode with its data as it came. header holds what passes through the Broker
// and is taken over.
func newMessage(ctx context.Context, ev *event.Event, header http.Header) (*message, error) {
	req := &http.Request{Header: header}
	if err := cehttp.WriteRequest(binding.WithForceBinary(ctx), binding.ToMessage(ev), req); err != nil {
		return nil, fmt.Errorf("encode event: %w", err)
	}
	for name, values := range req.Header {
		for _, v := range values {
			if !sendable(v) {
				return nil, fmt.Errorf("encode event: header %s holds a control character", name)
			}
		}
	}
	return &message{id: ev.ID(), typ: ev.Type(), header: req.Header, body: ev.Data()}, nil
}

// sendable says whether net/http would send v in a header.
func sendable(v string) bool {
	for i := range len(v) {
		if c := v[i]; (c < ' ' && c != '\t') || c == 0x7f {
			return false
		}
	}
	return true
}

// deadLetterHeader is the message's header as a dead letter sink gets it: no wish for a reply, the TTL that the
// event had in the channel, and why it ended here.
func (m *message) deadLetterHeader(f failure) http.Header {
	h := m.header.Clone()
	h.Del(headerPrefer)
	if m.ttl > 0 {
		h.Set(headerTTL, strconv.Itoa(int(m.ttl)))
	}
	h.Set(headerErrorDest, f.dest)
	h.Set(headerErrorCode, strconv.Itoa(f.code))
	data := base64.StdEncoding.EncodeToString(f.body)
	// Knative cuts the encoded text, not what it encodes.
	h.Set(headerErrorData, data[:min(len(data), attributes.KnativeErrorDataExtensionMaxLength)])
	return h
}

// setDelivery adds the headers that Knative sends with an event.
func setDelivery(h http.Header, namespace string) http.Header {
	h.Set(headerPrefer, preferReply)
	h.Set(apis.KnNamespaceHeader, namespace)
	return h
}
