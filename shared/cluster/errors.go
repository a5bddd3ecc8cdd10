package cluster

import "errors"

var (
	// ErrGone says that the API server knows no such object: nothing can be
	// done about it, now or on a retry.
	ErrGone = errors.New("object no longer exists")
	// ErrForbidden says that this stage may not read the object: its rights
	// have to change first, and what cannot be read may not be touched.
	ErrForbidden = errors.New("object may not be read")
	// ErrUnknownKind says that the cluster serves no such kind.
	ErrUnknownKind = errors.New("kind is not served by the cluster")
)
