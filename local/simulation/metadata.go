package simulation

import (
	"bytes"
	"encoding/json"
	"reflect"
	"sort"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// maxManagers bounds the managedFields entries of an object, as the real server caps its update entries.
const maxManagers = 10

func fieldOf(object runtime.Object, name string) reflect.Value {
	return reflect.ValueOf(object).Elem().FieldByName(name)
}

// copyField sets one top-level field of to from from; objects without it are left alone.
func copyField(name string, from, to runtime.Object) {
	source, target := fieldOf(from, name), fieldOf(to, name)
	if source.IsValid() && target.IsValid() {
		target.Set(source)
	}
}

func clearField(name string, object runtime.Object) {
	if target := fieldOf(object, name); target.IsValid() {
		target.SetZero()
	}
}

// manage records that manager changed fields by an operation; the set of fields is the difference of the two JSON forms.
func manage(o writeOptions, r *resource, previous, next runtime.Object, accessor metav1.Object) {
	changed := changedFields(previous, next)
	if changed == nil {
		return
	}
	entries := accessor.GetManagedFields()
	kept := make([]metav1.ManagedFieldsEntry, 0, len(entries)+1)
	for _, entry := range entries {
		if entry.Manager == o.manager && entry.Operation == o.operation && entry.Subresource == o.subresource {
			changed = unite(changed, entry.FieldsV1)
			continue
		}
		kept = append(kept, entry)
	}
	raw, err := json.Marshal(changed)
	if err != nil {
		return // a tree of maps always encodes; managedFields is a record, never a reason to fail a write
	}
	at := metav1.NewTime(o.now.Truncate(time.Second))
	kept = append(kept, metav1.ManagedFieldsEntry{
		Manager: o.manager, Operation: o.operation, APIVersion: r.gvr.GroupVersion().String(), Time: &at,
		FieldsType: "FieldsV1", FieldsV1: &metav1.FieldsV1{Raw: raw}, Subresource: o.subresource,
	})
	if len(kept) > maxManagers {
		kept = kept[len(kept)-maxManagers:]
	}
	accessor.SetManagedFields(kept)
}

type fieldTree map[string]any

func changedFields(previous, next runtime.Object) fieldTree {
	before, after := asMap(previous), asMap(next)
	for _, tree := range []map[string]any{before, after} {
		delete(tree, "kind")
		delete(tree, "apiVersion")
		if metadata, ok := tree["metadata"].(map[string]any); ok {
			for _, system := range systemMetadata {
				delete(metadata, system)
			}
		}
	}
	return differing(before, after)
}

// systemMetadata are the fields that the server sets and nobody manages.
var systemMetadata = []string{"creationTimestamp", "generation", "managedFields", "name", "namespace", "resourceVersion", "uid"}

func asMap(object runtime.Object) map[string]any {
	tree := map[string]any{}
	if object == nil {
		return tree
	}
	raw, err := json.Marshal(object)
	if err != nil {
		return tree
	}
	_ = json.Unmarshal(raw, &tree) // what json wrote, json reads
	return tree
}

func differing(before, after map[string]any) fieldTree {
	var out fieldTree
	for name, value := range after {
		old, had := before[name]
		if had && reflect.DeepEqual(old, value) {
			continue
		}
		if out == nil {
			out = fieldTree{}
		}
		branch, isMap := value.(map[string]any)
		oldBranch, _ := old.(map[string]any)
		if !isMap || len(branch) == 0 {
			out["f:"+name] = fieldTree{}
			continue
		}
		if sub := differing(oldBranch, branch); sub != nil {
			out["f:"+name] = sub
		}
	}
	for name := range before {
		if _, kept := after[name]; !kept && out == nil {
			out = fieldTree{} // a removal is an operation too, though no field is left to own
		}
	}
	return out
}

func unite(tree fieldTree, stored *metav1.FieldsV1) fieldTree {
	if stored == nil {
		return tree
	}
	var former map[string]any
	if err := json.NewDecoder(bytes.NewReader(stored.Raw)).Decode(&former); err != nil {
		return tree
	}
	return merge(tree, former)
}

func merge(tree fieldTree, former map[string]any) fieldTree {
	for _, name := range sortedKeys(former) {
		branch, _ := former[name].(map[string]any)
		existing, ok := tree[name].(fieldTree)
		if !ok {
			existing = fieldTree{}
		}
		tree[name] = merge(existing, branch)
	}
	return tree
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}
