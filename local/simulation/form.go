package simulation

import (
	varint "encoding/binary"
	"encoding/json"
	"fmt"
	"mime"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// form is how a client wants objects: whole or their metadata only, as JSON or
// in the compact encoding that client-go prefers.
type form struct{ metadataOnly, compact bool }

// acceptable says whether any of the wanted media types can be had.
func acceptable(accept string) bool {
	if accept == "" {
		return true
	}
	for clause := range strings.SplitSeq(accept, ",") {
		media, _, err := mime.ParseMediaType(clause)
		if err != nil {
			continue
		}
		switch media {
		case contentJSON, contentProtobuf, "*/*", "application/*", "text/plain":
			return true
		}
	}
	return false
}

// formOf takes the first clause of the Accept header that can be honoured; tables cannot, and kubectl has a fallback.
func formOf(accept string) form {
	for clause := range strings.SplitSeq(accept, ",") {
		media, parameters, err := mime.ParseMediaType(clause)
		if err != nil || media != contentJSON && media != contentProtobuf {
			continue
		}
		wanted := form{compact: media == contentProtobuf}
		switch parameters["as"] {
		case "PartialObjectMetadata", "PartialObjectMetadataList":
			wanted.metadataOnly = true
			return wanted
		case "":
			return wanted
		}
	}
	return form{}
}

func (f form) media() string {
	if f.compact {
		return contentProtobuf
	}
	return contentJSON
}

// asJSON is the same content for those answers that have one encoding only: streams.
func (f form) asJSON() form { return form{metadataOnly: f.metadataOnly} }

var partialGVK = schema.GroupVersionKind{Group: "meta.k8s.io", Version: "v1", Kind: "PartialObjectMetadata"}

// render encodes one object in the wanted form.
func (f form) render(i *item) ([]byte, error) {
	switch {
	case f.compact:
		raw, err := f.message(i)
		if err != nil {
			return nil, err
		}
		return envelope(f.kind(i.resource), raw)
	case f.metadataOnly:
		return json.Marshal(partial(i))
	}
	return i.full()
}

func (f form) kind(r *resource) schema.GroupVersionKind {
	if f.metadataOnly {
		return partialGVK
	}
	return r.gvk()
}

// renderList encodes items in the wanted form.
func (f form) renderList(r *resource, items []*item, version uint64) ([]byte, error) {
	kind := f.kind(r)
	kind.Kind += "List"
	meta := metav1.ListMeta{ResourceVersion: strconv.FormatUint(version, 10)}
	if f.compact {
		return f.compactList(kind, meta, items)
	}
	apiVersion, name := kind.ToAPIVersionAndKind()
	head, err := json.Marshal(struct {
		metav1.TypeMeta `json:",inline"`
		Metadata        metav1.ListMeta `json:"metadata"`
	}{metav1.TypeMeta{Kind: name, APIVersion: apiVersion}, meta})
	if err != nil {
		return nil, err
	}
	out := append(head[:len(head)-1], `,"items":[`...)
	for n, entry := range items {
		if n > 0 {
			out = append(out, ',')
		}
		raw, err := entry.bare()
		if f.metadataOnly {
			raw, err = f.render(entry)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, raw...)
	}
	return append(out, "]}"...), nil
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

// message is a protocol buffer message: what the API's generated types make of themselves.
type message interface{ Marshal() ([]byte, error) }

// message is the object in the compact encoding, encoded once per committed state when it is whole.
func (f form) message(i *item) ([]byte, error) {
	if f.metadataOnly {
		return partial(i).Marshal()
	}
	if cached := i.message.Load(); cached != nil {
		return *cached, nil
	}
	m, ok := i.object.(message)
	if !ok {
		return nil, fmt.Errorf("encode %s: its type has no compact encoding", i.resource.kind)
	}
	raw, err := m.Marshal()
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", i.resource.kind, err)
	}
	i.message.Store(&raw)
	return raw, nil
}

// Every list of the Kubernetes API has its metadata in field 1 and its items in field 2; both are length-delimited.
const (
	listMetadataTag = 1<<3 | 2
	listItemTag     = 2<<3 | 2
)

func (f form) compactList(kind schema.GroupVersionKind, meta metav1.ListMeta, items []*item) ([]byte, error) {
	raw, err := meta.Marshal()
	if err != nil {
		return nil, err
	}
	out := delimited(nil, listMetadataTag, raw)
	for _, entry := range items {
		raw, err := f.message(entry)
		if err != nil {
			return nil, err
		}
		out = delimited(out, listItemTag, raw)
	}
	return envelope(kind, out)
}

func delimited(out []byte, tag byte, raw []byte) []byte {
	return append(varint.AppendUvarint(append(out, tag), uint64(len(raw))), raw...)
}

// envelopePrefix marks the compact encoding of the Kubernetes API.
var envelopePrefix = []byte{'k', '8', 's', 0}

// envelope names the kind of a message, as the Kubernetes API frames it.
func envelope(kind schema.GroupVersionKind, raw []byte) ([]byte, error) {
	apiVersion, name := kind.ToAPIVersionAndKind()
	framed, err := (&runtime.Unknown{TypeMeta: runtime.TypeMeta{APIVersion: apiVersion, Kind: name}, Raw: raw}).Marshal()
	if err != nil {
		return nil, err
	}
	return append(envelopePrefix[:len(envelopePrefix):len(envelopePrefix)], framed...), nil
}
