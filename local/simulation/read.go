package simulation

import (
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

func (h *handler) get(w http.ResponseWriter, c *call) error {
	found := h.cluster.store.get(c.resource, c.key())
	if found == nil {
		return apierrors.NewNotFound(c.resource.groupResource(), c.Name)
	}
	return respond(w, c, http.StatusOK, found)
}

func (h *handler) list(w http.ResponseWriter, c *call) error {
	filter, err := newFilter(c)
	if err != nil {
		return err
	}
	items, version := h.cluster.store.list(c.resource, c.Namespace)
	wanted := formOf(c.http.Header.Get("Accept"))
	raw, err := wanted.renderList(c.resource, filter.apply(items), version)
	if err != nil {
		return err
	}
	writeAs(w, http.StatusOK, wanted.media(), raw)
	return nil
}
