package signal

import "strings"

// Object names one object of the cluster, as references of Kubernetes do.
type Object struct {
	// APIVersion is group/version, or v1; empty where it is not known.
	APIVersion, Kind string
	// Namespace is empty for what is cluster-scoped.
	Namespace, Name string
}

// candidates is the object itself, where its names are such as objects have.
func (o Object) candidates() ([]Candidate, string) {
	group := groupOf(o.APIVersion)
	switch {
	case !validKind(o.Kind), !ValidName(o.Name), group != "" && !ValidName(group):
		return nil, ReasonNoTarget
	case o.Namespace != "" && !ValidNamespace(o.Namespace):
		return nil, ReasonNoTarget
	}
	return []Candidate{{Kind: KindName(group, o.Kind), Namespace: o.Namespace, Name: o.Name}}, ReasonNoTarget
}

// momentPrefix starts the ids of alerts that tell of a moment.
const momentPrefix = "moment-"

// MomentID is the id of an alert that tells of something that happened, such
// as an event of Kubernetes: nobody ever says that it ended.
func MomentID(parts map[string]string) string { return momentPrefix + AlertID("", parts) }

// Momentary reports whether an alert's id is one of MomentID.
func Momentary(id string) bool { return strings.HasPrefix(id, momentPrefix) }
