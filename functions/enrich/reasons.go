package function

import (
	"context"
	"errors"
	"net"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"kubernaut.ai/shared/cluster"
)

// ReasonUnreadable is why there is no context at all: not one read succeeded.
const ReasonUnreadable = "cluster_unreadable"

// The parts of a context, as Unavailable names them: the names of its fields.
const (
	PartTarget     = "target"
	PartOwners     = "owners"
	PartNamespace  = "namespaceLabels"
	PartWorkload   = "workload"
	PartPods       = "pods"
	PartEvents     = "events"
	PartRevisions  = "revisions"
	PartAutoscaler = "autoscaler"
	PartBudgets    = "budgets"
	PartNode       = "node"
	PartUsage      = "usage"
)

// Named reasons for which a part could not be read.
const (
	ReasonGone         = "gone"
	ReasonNotFound     = "not_found"
	ReasonForbidden    = "forbidden"
	ReasonUnauthorized = "unauthorized"
	ReasonTimeout      = "timeout"
	ReasonThrottled    = "throttled"
	ReasonUnreachable  = "unreachable"
	ReasonUnknownKind  = "unknown_kind"
	// ReasonUnsupported is for kinds of which only the metadata is read.
	ReasonUnsupported = "unsupported_kind"
	// ReasonNotInstalled is for an optional API that the cluster lacks.
	ReasonNotInstalled = "not_installed"
	// ReasonMalformed is for an object that says what it must not.
	ReasonMalformed = "malformed"
	ReasonFailed    = "failed"
)

// Errors that reads of this stage itself give.
var (
	errUnsupported  = errors.New("only metadata is read of this kind")
	errNotInstalled = errors.New("the cluster has no such API")
	errMalformed    = errors.New("the object is malformed")
)

// reasonOf names why a read failed.
func reasonOf(err error) string {
	var network net.Error
	switch {
	case errors.Is(err, cluster.ErrGone):
		return ReasonGone
	case errors.Is(err, cluster.ErrUnknownKind):
		return ReasonUnknownKind
	case errors.Is(err, errUnsupported):
		return ReasonUnsupported
	case errors.Is(err, errNotInstalled):
		return ReasonNotInstalled
	case errors.Is(err, errMalformed):
		return ReasonMalformed
	case apierrors.IsNotFound(err):
		return ReasonNotFound
	case apierrors.IsForbidden(err):
		return ReasonForbidden
	case apierrors.IsUnauthorized(err):
		return ReasonUnauthorized
	case apierrors.IsTooManyRequests(err):
		return ReasonThrottled
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled),
		apierrors.IsTimeout(err), apierrors.IsServerTimeout(err):
		return ReasonTimeout
	case apierrors.IsServiceUnavailable(err):
		return ReasonUnreachable
	case errors.As(err, &network):
		if network.Timeout() {
			return ReasonTimeout
		}
		return ReasonUnreachable
	}
	return ReasonFailed
}

// answered tells that the API server did answer, with "there is none".
func answered(err error) bool {
	return err == nil || errors.Is(err, cluster.ErrGone) || apierrors.IsNotFound(err)
}
