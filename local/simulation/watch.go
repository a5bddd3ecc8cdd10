package simulation

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// maxWatch ends a watch that asked for no timeout of its own, as the real server does after a while.
const maxWatch = 30 * time.Minute

// watcher streams one watch. It follows the store's history by version, so a slow client delays nobody, and one that falls out of
// the history is told so (410) instead of losing changes.
type watcher struct {
	store    *store
	resource *resource
	filter   *filter
	form     form
	version  uint64
	out      http.ResponseWriter
	flush    func() error
}

func (h *handler) watch(w http.ResponseWriter, c *call) error {
	filter, err := newFilter(c)
	if err != nil {
		return err
	}
	timeout, err := watchTimeout(c.query.Get("timeoutSeconds"))
	if err != nil {
		return err
	}
	stream := &watcher{
		store: h.cluster.store, resource: c.resource, filter: filter, form: formOf(c.http.Header.Get("Accept")).asJSON(),
		out: w, flush: http.NewResponseController(w).Flush,
	}
	initial := c.query.Get("sendInitialEvents") == "true"
	requested := c.query.Get("resourceVersion")
	var first []*item
	if initial || requested == "" || requested == "0" {
		first, stream.version = h.cluster.store.list(c.resource, c.Namespace)
	} else if stream.version, err = strconv.ParseUint(requested, 10, 64); err != nil {
		return apierrors.NewBadRequest("invalid resourceVersion " + requested)
	}
	if _, _, ok := h.cluster.store.since(c.resource, stream.version); !ok {
		return tooOld(stream.version)
	}
	w.Header().Set("Content-Type", contentJSON)
	w.WriteHeader(http.StatusOK)
	stream.run(c.http, first, initial && c.query.Get("allowWatchBookmarks") == "true", timeout)
	return nil
}

func watchTimeout(raw string) (time.Duration, error) {
	if raw == "" {
		return maxWatch, nil
	}
	seconds, err := strconv.ParseInt(raw, 10, 32)
	if err != nil || seconds < 0 {
		return 0, apierrors.NewBadRequest("invalid timeoutSeconds " + raw)
	}
	if seconds == 0 {
		return maxWatch, nil
	}
	return min(time.Duration(seconds)*time.Second, maxWatch), nil
}

func tooOld(version uint64) error {
	return apierrors.NewResourceExpired("too old resource version: " + strconv.FormatUint(version, 10))
}

// run sends the present objects, then changes, until the client leaves, the time is up, or the history has moved past it.
func (s *watcher) run(r *http.Request, first []*item, bookmark bool, timeout time.Duration) {
	deadline := time.NewTimer(timeout)
	defer deadline.Stop()
	for _, entry := range s.filter.apply(first) {
		if s.send(watch.Added, entry) != nil {
			return
		}
	}
	if bookmark && s.sendBookmark() != nil {
		return
	}
	if s.flush() != nil {
		return
	}
	for {
		changes, next, ok := s.store.since(s.resource, s.version)
		if !ok {
			s.sendError(tooOld(s.version))
			return
		}
		if s.sendChanges(changes) != nil {
			return
		}
		if len(changes) == 0 {
			select {
			case <-r.Context().Done():
				return
			case <-deadline.C:
				return
			case <-next:
			}
		}
	}
}

func (s *watcher) sendChanges(changes []change) error {
	for _, c := range changes {
		s.version = c.version
		kind, wanted := s.seen(c)
		if !wanted {
			continue
		}
		if err := s.send(kind, c.item); err != nil {
			return err
		}
	}
	if len(changes) == 0 {
		return nil
	}
	return s.flush()
}

// seen says what a change looks like through the selectors: an object that stops matching was deleted, as far as this watch goes.
func (s *watcher) seen(c change) (watch.EventType, bool) {
	before := c.previous != nil && s.filter.matches(c.previous)
	after := c.kind != watch.Deleted && s.filter.matches(c.item)
	switch {
	case before && after:
		return watch.Modified, true
	case after:
		return watch.Added, true
	case before:
		return watch.Deleted, true
	}
	return "", false
}

func (s *watcher) send(kind watch.EventType, entry *item) error {
	raw, err := s.form.render(entry)
	if err != nil {
		return err
	}
	return s.sendRaw(kind, raw)
}

func (s *watcher) sendRaw(kind watch.EventType, raw []byte) error {
	line := make([]byte, 0, len(raw)+40)
	line = append(line, `{"type":"`...)
	line = append(line, kind...)
	line = append(line, `","object":`...)
	line = append(line, raw...)
	line = append(line, "}\n"...)
	_, err := s.out.Write(line)
	return err
}

// sendBookmark ends the initial events of a streaming list.
func (s *watcher) sendBookmark() error {
	mark := s.resource.create()
	accessor := mark.(metav1.Object)
	accessor.SetResourceVersion(strconv.FormatUint(s.version, 10))
	accessor.SetAnnotations(map[string]string{metav1.InitialEventsAnnotationKey: "true"})
	entry, err := newItem(s.resource, mark, s.version)
	if err != nil {
		return err
	}
	return s.send(watch.Bookmark, entry)
}

func (s *watcher) sendError(err error) {
	status := err.(*apierrors.StatusError).ErrStatus
	status.TypeMeta = metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}
	raw, encodeErr := json.Marshal(status)
	if encodeErr == nil && s.sendRaw(watch.Error, raw) == nil {
		_ = s.flush()
	}
}
