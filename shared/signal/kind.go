package signal

import "strings"

// ownGroupSuffix ends the names of API groups that only Kubernetes may serve.
const ownGroupSuffix = ".k8s.io"

// OwnGroup reports whether an API group is one of Kubernetes' own. Groups of
// the x-k8s.io sort, which projects around it use, are not.
func OwnGroup(group string) bool {
	switch group {
	case "", "apps", "batch", "autoscaling", "policy", "extensions":
		return true
	}
	return strings.HasSuffix(group, ownGroupSuffix)
}

// KindName is a kind as targets and fingerprints write it: bare for
// Kubernetes' own groups, Kind.group for all others, because kinds such as
// Service and Route exist twice.
func KindName(group, kind string) string {
	if OwnGroup(group) {
		return kind
	}
	return kind + "." + group
}
