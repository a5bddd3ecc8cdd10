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

// KindOf is the KindName of an object as references to it name its kind, whose
// API version is group/version, or v1; empty is Kubernetes' own.
func KindOf(apiVersion, kind string) string { return KindName(groupOf(apiVersion), kind) }

// groupOf is the group of an API version, empty for Kubernetes' core.
func groupOf(apiVersion string) string {
	group, _, grouped := strings.Cut(apiVersion, "/")
	if !grouped {
		return ""
	}
	return group
}

// ValidKindName reports whether s is a kind as KindName writes it.
func ValidKindName(s string) bool {
	kind, group, grouped := strings.Cut(s, ".")
	return validKind(kind) && (!grouped || ValidName(group))
}

// validKind reports whether s has the form of a kind, such as HelmRelease.
func validKind(s string) bool {
	if s == "" || len(s) > maxLabel || s[0] < 'A' || s[0] > 'Z' {
		return false
	}
	for i := 1; i < len(s); i++ {
		if !alphanumeric(s[i]) && (s[i] < 'A' || s[i] > 'Z') {
			return false
		}
	}
	return true
}
