package manifest

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func sortedKeys(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }

// rank puts first what others need to exist. Kinds it does not know, custom
// resources among them, come last.
var rank = map[string]int{
	"CustomResourceDefinition": 1, "Namespace": 2, "ServiceAccount": 3, "ClusterRole": 4, "Role": 4,
	"ClusterRoleBinding": 5, "RoleBinding": 5, "ConfigMap": 6, "Secret": 6, "Service": 7,
	"StatefulSet": 8, "Deployment": 8, "DaemonSet": 8,
	"MutatingWebhookConfiguration": 9, "ValidatingWebhookConfiguration": 9,
}

const lastRank = 10

func rankOf(object *unstructured.Unstructured) int {
	if known, found := rank[object.GetKind()]; found {
		return known
	}
	return lastRank
}

// Order sorts objects so that each comes after what it needs; objects of one rank
// keep their order.
func Order(objects []*unstructured.Unstructured) {
	slices.SortStableFunc(objects, func(a, b *unstructured.Unstructured) int { return rankOf(a) - rankOf(b) })
}

// Split divides objects into those for which first holds and the rest.
func Split(objects []*unstructured.Unstructured, first func(*unstructured.Unstructured) bool) (yes, no []*unstructured.Unstructured) {
	for _, object := range objects {
		if first(object) {
			yes = append(yes, object)
		} else {
			no = append(no, object)
		}
	}
	return yes, no
}

// OfKind is a condition for Split.
func OfKind(kinds ...string) func(*unstructured.Unstructured) bool {
	return func(object *unstructured.Unstructured) bool { return slices.Contains(kinds, object.GetKind()) }
}
