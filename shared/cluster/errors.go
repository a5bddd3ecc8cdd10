package cluster

import (
	"cmp"
	"errors"
	"fmt"

	"kubernaut.ai/shared/event"
)

var (
	// ErrGone says that the API server knows no such object: nothing can be
	// done about it, now or on a retry.
	ErrGone = errors.New("object no longer exists")
	// ErrForbidden says that this stage may not read the object: its rights
	// have to change first, and what cannot be read may not be touched. Such an
	// error is a *NotReadable.
	ErrForbidden = errors.New("object may not be read")
	// ErrUnknownKind says that the cluster serves no such kind.
	ErrUnknownKind = errors.New("kind is not served by the cluster")
)

// NotReadable is an ErrForbidden that names what may not be read, be it an
// owner or the namespace of what was asked for.
type NotReadable struct {
	Target event.Target
	// Verb is the right that is missing; empty is get.
	Verb string
	// Err is the API server's answer.
	Err error
}

func (e *NotReadable) Error() string {
	return fmt.Sprintf("%v: %s: %v: grant %s on it with a ClusterRole labelled kubernaut.ai/targets=true",
		ErrForbidden, e.Target, e.Err, cmp.Or(e.Verb, "get"))
}

// Unwrap makes it both an ErrForbidden and what the API server said.
func (e *NotReadable) Unwrap() []error { return []error{ErrForbidden, e.Err} }
