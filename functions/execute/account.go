package function

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/shared/event"
)

// account adds to a refusal what was done before it: the remediation ends with
// this result, and whoever reads it must not believe that no pod was evicted. A
// dry run has evicted none.
func (x *planner) account(ctx context.Context, o Order, c conclusion) (Result, error) {
	var no *Refusal
	switch {
	case !errors.As(c.err, &no):
		return c.res, c.err
	case o.DryRun:
		return Result{Execution: event.Execution{Target: c.res.Execution.Target}}, c.err
	case len(c.res.Execution.Changes) > 0:
		return c.res, c.err
	}
	carried, err := carriedBy(o)
	switch {
	case err != nil:
		return c.res, c.err
	case carried != nil:
		return x.evicted(o, turn{plan: carried.Plan, evicted: carried.Evicted, template: carried.Template}), c.err
	}
	return x.unheard(ctx, o, c)
}

// unheard is about attempts of the first turn that did not live to say what they
// did. The plan that they stored names their pods, and which of these are gone can
// be seen. By whom cannot: that is told, and claimed as no change of ours.
func (x *planner) unheard(ctx context.Context, o Order, c conclusion) (Result, error) {
	p, found, err := x.stored(ctx, o)
	if err != nil || !found {
		return c.res, passingOr(err, c.err)
	}
	first := turn{plan: p}.victims()
	gone := 0
	for _, v := range first {
		left, err := x.left(ctx, p.Target.Namespace, v)
		if err != nil {
			return c.res, passingOr(err, c.err)
		}
		if left {
			gone++
		}
	}
	if gone > 0 {
		c.res.Execution.Observed = sentences(c.res.Execution.Observed, fmt.Sprintf("%d of the first %d pods that were to be evicted"+
			" are gone or end: by an attempt that could not report it, or by somebody else.", gone, len(first)))
	}
	return c.res, c.err
}

// passingOr is the failure to look, where that may pass: the order is then tried
// again, and refused again. What no retry cures leaves the refusal as it is.
func passingOr(failed, cause error) error {
	var no *Refusal
	if failed == nil || errors.As(failed, &no) {
		return cause
	}
	return failed
}

// left tells that the pod is gone, was replaced, or ends.
func (x *planner) left(ctx context.Context, namespace string, v Victim) (bool, error) {
	pod, err := x.kube.CoreV1().Pods(namespace).Get(ctx, v.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return true, nil
	}
	if err != nil {
		return false, apiFailure("read "+v.Name, err)
	}
	return string(pod.UID) != v.UID || pod.DeletionTimestamp != nil, nil
}
