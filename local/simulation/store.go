package simulation

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"sync"
	"sync/atomic"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/scheme"
	clienttesting "k8s.io/client-go/testing"
)

// item is one committed state of an object. It and the object inside are immutable once stored: whoever wants to change
// it takes a deep copy. That is what lets reads, lists and watches share it without copying.
type item struct {
	resource *resource
	object   runtime.Object
	meta     metav1.Object
	version  uint64
	name     types.NamespacedName
	encoded  atomic.Pointer[[]byte]
	message  atomic.Pointer[[]byte]

	selectable atomic.Pointer[fields.Set]
}

func newItem(r *resource, object runtime.Object, version uint64) (*item, error) {
	accessor, err := meta.Accessor(object)
	if err != nil {
		return nil, fmt.Errorf("read object metadata: %w", err)
	}
	// Lists carry items without kind and apiVersion, as a real server's do; a single object gets them when it is written.
	object.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{})
	return &item{resource: r, object: object, meta: accessor, version: version,
		name: types.NamespacedName{Namespace: accessor.GetNamespace(), Name: accessor.GetName()}}, nil
}

func (i *item) key() types.NamespacedName { return i.name }

// bare returns the object as JSON without kind and apiVersion, encoded once per committed state.
func (i *item) bare() ([]byte, error) {
	if cached := i.encoded.Load(); cached != nil {
		return *cached, nil
	}
	raw, err := json.Marshal(i.object)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", i.resource.kind, err)
	}
	i.encoded.Store(&raw)
	return raw, nil
}

// full returns the object as JSON with kind and apiVersion.
func (i *item) full() ([]byte, error) {
	raw, err := i.bare()
	if err != nil {
		return nil, err
	}
	return withType(raw, i.resource.gvk()), nil
}

func withType(raw []byte, gvk schema.GroupVersionKind) []byte {
	apiVersion, kind := gvk.ToAPIVersionAndKind()
	out := make([]byte, 0, len(raw)+len(apiVersion)+len(kind)+32)
	out = append(out, `{"kind":"`...)
	out = append(out, kind...)
	out = append(out, `","apiVersion":"`...)
	out = append(out, apiVersion...)
	out = append(out, '"')
	if len(raw) > len("{}") {
		out = append(out, ',')
	}
	return append(out, raw[1:]...)
}

// change is one entry of a resource's history.
type change struct {
	version  uint64
	kind     watch.EventType
	item     *item
	previous *item
}

// store is the cluster's etcd and watch cache: client-go's object tracker holds the objects, and beside it the last
// committed states and the changes are kept for reads and watches, since the tracker copies on every read, knows no
// resource versions and panics when a watcher falls 100 events behind.
type store struct {
	mu      sync.RWMutex
	tracker clienttesting.ObjectTracker
	items   map[*resource]map[types.NamespacedName]*item
	sorted  map[*resource][]*item // the items again, by namespace and name
	history map[*resource][]change
	dropped map[*resource]uint64
	keep    int // changes kept per resource, at least; twice as many at most
	version uint64
	changed chan struct{}
	notify  func(change)
}

func newStore(keep int, notify func(change)) *store {
	s := &store{
		tracker: clienttesting.NewObjectTracker(scheme.Scheme, scheme.Codecs.UniversalDecoder()),
		items:   make(map[*resource]map[types.NamespacedName]*item, len(served.all)),
		sorted:  make(map[*resource][]*item, len(served.all)),
		history: make(map[*resource][]change, len(served.all)),
		dropped: make(map[*resource]uint64, len(served.all)),
		keep:    keep,
		version: 1,
		changed: make(chan struct{}),
		notify:  notify,
	}
	for _, r := range served.all {
		s.items[r] = make(map[types.NamespacedName]*item)
	}
	return s
}

// get returns the committed state, or nil.
func (s *store) get(r *resource, key types.NamespacedName) *item {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.items[r][key]
}

// list returns the items of a namespace (all when empty) sorted by namespace and name, and the version they are as of.
func (s *store) list(r *resource, namespace string) ([]*item, uint64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.listLocked(r, namespace), s.version
}

func (s *store) listLocked(r *resource, namespace string) []*item {
	all := s.sorted[r]
	if namespace == "" {
		return slices.Clone(all)
	}
	from, _ := slices.BinarySearchFunc(all, types.NamespacedName{Namespace: namespace}, compareKey)
	to := from
	for to < len(all) && all[to].name.Namespace == namespace {
		to++
	}
	return slices.Clone(all[from:to])
}

func compareKey(i *item, key types.NamespacedName) int {
	return cmp.Or(cmp.Compare(i.name.Namespace, key.Namespace), cmp.Compare(i.name.Name, key.Name))
}

func sortItems(items []*item) {
	slices.SortFunc(items, func(a, b *item) int { return compareKey(a, b.name) })
}

// putLocked makes an item the present state of its object.
func (s *store) putLocked(next *item) {
	r := next.resource
	s.items[r][next.name] = next
	at, found := slices.BinarySearchFunc(s.sorted[r], next.name, compareKey)
	if found {
		s.sorted[r][at] = next
		return
	}
	s.sorted[r] = slices.Insert(s.sorted[r], at, next)
}

func (s *store) dropLocked(gone *item) {
	r := gone.resource
	delete(s.items[r], gone.name)
	if at, found := slices.BinarySearchFunc(s.sorted[r], gone.name, compareKey); found {
		s.sorted[r] = slices.Delete(s.sorted[r], at, at+1)
	}
}

// since returns the changes of a resource after version and a channel that is closed at the next change of anything.
// ok is false when that part of the history is gone.
func (s *store) since(r *resource, version uint64) (changes []change, next <-chan struct{}, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if version < s.dropped[r] {
		return nil, nil, false
	}
	all := s.history[r]
	from := sort.Search(len(all), func(i int) bool { return all[i].version > version })
	return append([]change(nil), all[from:]...), s.changed, true
}

// commitLocked makes object the new state; the caller holds the write lock and has passed every check.
func (s *store) commitLocked(r *resource, object runtime.Object, previous *item) (*item, error) {
	accessor, err := meta.Accessor(object)
	if err != nil {
		return nil, fmt.Errorf("read object metadata: %w", err)
	}
	version := s.version + 1
	accessor.SetResourceVersion(strconv.FormatUint(version, 10))
	kind := watch.Added
	if previous == nil {
		err = s.tracker.Create(r.gvr, object, accessor.GetNamespace())
	} else {
		kind = watch.Modified
		err = s.tracker.Update(r.gvr, object, accessor.GetNamespace())
	}
	if err != nil {
		return nil, err
	}
	next, err := newItem(r, object, version)
	if err != nil {
		return nil, err
	}
	s.putLocked(next)
	s.recordLocked(change{version: version, kind: kind, item: next, previous: previous})
	return next, nil
}

// removeLocked deletes the object; the deletion has a version of its own, which the last state carries.
func (s *store) removeLocked(current *item) (*item, error) {
	r, key := current.resource, current.key()
	if err := s.tracker.Delete(r.gvr, key.Namespace, key.Name); err != nil && !apierrors.IsNotFound(err) {
		return nil, err
	}
	object := current.object.DeepCopyObject()
	last, err := newItem(r, object, s.version+1)
	if err != nil {
		return nil, err
	}
	last.meta.SetResourceVersion(strconv.FormatUint(s.version+1, 10))
	s.dropLocked(current)
	s.recordLocked(change{version: s.version + 1, kind: watch.Deleted, item: last, previous: current})
	return last, nil
}

func (s *store) recordLocked(c change) {
	r := c.item.resource
	s.version = c.version
	log := append(s.history[r], c)
	if len(log) > 2*s.keep {
		kept := make([]change, s.keep, 2*s.keep+1)
		copy(kept, log[len(log)-s.keep:])
		s.dropped[r] = log[len(log)-s.keep-1].version
		log = kept
	}
	s.history[r] = log
	close(s.changed)
	s.changed = make(chan struct{})
	s.notify(c)
}

// changes returns a channel that is closed at the next change of anything.
func (s *store) changes() <-chan struct{} {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.changed
}
