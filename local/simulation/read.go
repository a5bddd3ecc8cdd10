package simulation

import (
	"encoding/json"
	"net/http"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func (h *handler) get(w http.ResponseWriter, c *call) error {
	found := h.cluster.store.get(c.resource, c.key())
	if found == nil {
		return apierrors.NewNotFound(c.resource.groupResource(), c.Name)
	}
	raw, err := formOf(c.http.Header.Get("Accept")).render(found)
	if err != nil {
		return err
	}
	writeRaw(w, http.StatusOK, raw)
	return nil
}

func (h *handler) list(w http.ResponseWriter, c *call) error {
	filter, err := newFilter(c)
	if err != nil {
		return err
	}
	items, version := h.cluster.store.list(c.resource, c.Namespace)
	raw, err := renderList(c.resource, filter.apply(items), version, formOf(c.http.Header.Get("Accept")))
	if err != nil {
		return err
	}
	writeRaw(w, http.StatusOK, raw)
	return nil
}

func renderList(r *resource, items []*item, version uint64, f form) ([]byte, error) {
	kind, apiVersion := r.kind+"List", r.gvr.GroupVersion().String()
	if f.metadataOnly {
		kind, apiVersion = partialGVK.Kind+"List", partialGVK.GroupVersion().String()
	}
	head, err := json.Marshal(struct {
		metav1.TypeMeta `json:",inline"`
		Metadata        metav1.ListMeta `json:"metadata"`
	}{metav1.TypeMeta{Kind: kind, APIVersion: apiVersion}, metav1.ListMeta{ResourceVersion: strconv.FormatUint(version, 10)}})
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
