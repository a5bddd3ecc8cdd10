package function

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/event"
)

// victims are the pods of this turn.
func (t turn) victims() []Victim {
	return t.plan.Victims[t.next:min(t.next+EvictionsATurn, len(t.plan.Victims))]
}

// endangered are the pods whose scope must allow this turn. Before the first
// eviction those are all: an opt-out that a later turn found would come after the
// evictions of the earlier ones. A later turn looks at its own again, whose labels
// may have changed since.
//
// This costs the first turn one read of metadata for each pod, MaxVictims at most
// and one after the other; a scoper reads what they share, owners and namespace,
// once in a turn.
func (t turn) endangered() []Victim {
	if t.next == 0 {
		return t.plan.Victims
	}
	return t.victims()
}

// evict evicts one turn's pods. Each is evicted by its UID, so a pod that took
// a victim's name is safe, and a victim that is gone counts as done: by whom
// does not matter.
func (x *Executor) evict(ctx context.Context, o Order, t turn) (Result, error) {
	t, batch, err := x.stillIll(ctx, t)
	if err != nil {
		return x.evicted(o, t), err
	}
	if len(t.plan.Victims) == 0 {
		return nothing(t.plan), nil
	}
	var blocked error
	for _, v := range batch {
		err := x.evictOne(ctx, o, t.plan, v)
		if refused(err, ReasonPDB) {
			blocked = err
			break
		}
		if err != nil {
			return x.evicted(o, t), err
		}
		t.evicted++
	}
	res := x.evicted(o, t)
	t.next += len(batch)
	switch {
	case blocked != nil && t.evicted == 0:
		return Result{Execution: event.Execution{Target: t.plan.Target}}, blocked
	case blocked != nil:
		res.Execution.Observed = sentences(res.Execution.Observed, "A disruption budget blocks the others at present.")
	case t.next < len(t.plan.Victims):
		next, err := t.carry()
		if err != nil {
			return Result{}, err
		}
		res.Next = next
		return res, nil
	}
	if !o.DryRun {
		res.Execution.Observed = sentences(res.Execution.Observed, x.observeGone(ctx, t.plan.Target.Namespace, batch))
	}
	return res, nil
}

// evicted is what the turns up to now came to.
func (x *planner) evicted(o Order, t turn) Result {
	res := x.outcome(o, t.plan, t.plan.Target)
	res.Execution.Template = t.template
	for _, v := range t.plan.Victims[:min(t.evicted, event.MaxPods)] {
		pod := event.Target{APIVersion: "v1", Kind: kindPod, Namespace: t.plan.Target.Namespace, Name: v.Name, UID: v.UID}
		res.Execution.Changes = append(res.Execution.Changes, event.Change{Target: pod, Before: "running", After: "evicted"})
	}
	res.Execution.Observed = sentences(t.plan.Note, fmt.Sprintf("%d of %d pods evicted.", t.evicted, len(t.plan.Victims)))
	return res
}

// stillIll leaves out those of this turn's pods that are ready again, unless the
// order named its pod: the plan may be minutes old. It returns the others.
func (x *Executor) stillIll(ctx context.Context, t turn) (turn, []Victim, error) {
	if t.plan.Target.Kind == kindPod {
		return t, t.victims(), nil
	}
	first := t.victims()
	rest := t.plan.Victims[t.next+len(first):]
	kept := t.plan.Victims[:t.next:t.next]
	for _, v := range first {
		pod, err := x.kube.CoreV1().Pods(t.plan.Target.Namespace).Get(ctx, v.Name, metav1.GetOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return t, nil, apiFailure("read "+v.Name, err)
		}
		if err != nil || string(pod.UID) != v.UID || pod.DeletionTimestamp != nil || !cluster.PodReady(pod) {
			kept = append(kept, v)
		}
	}
	if well := t.next + len(first) - len(kept); well > 0 {
		t.plan.Note = sentences(t.plan.Note, fmt.Sprintf("%d pods are ready again and were left alone.", well))
	}
	t.plan.Victims = append(kept[:len(kept):len(kept)], rest...)
	return t, kept[t.next:], nil
}

// carry is the state for the next turn.
func (t turn) carry() (*event.Progress, error) {
	state, err := json.Marshal(progress{Plan: t.plan, Next: t.next, Evicted: t.evicted, Template: t.template})
	if err != nil {
		return nil, fmt.Errorf("encode progress: %w", err)
	}
	return &event.Progress{Turn: t.number + 1, State: state}, nil
}

// manyBudgets is how the eviction API words that several budgets select one
// pod, which it refuses as an internal error that no retry cures.
const manyBudgets = "more than one PodDisruptionBudget"

func (x *Executor) evictOne(ctx context.Context, o Order, p Plan, v Victim) error {
	uid := types.UID(v.UID)
	options := &metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}, GracePeriodSeconds: p.Grace}
	if o.DryRun {
		options.DryRun = []string{metav1.DryRunAll}
	}
	err := x.writer.PolicyV1().Evictions(p.Target.Namespace).Evict(ctx, &policyv1.Eviction{
		ObjectMeta: metav1.ObjectMeta{Name: v.Name, Namespace: p.Target.Namespace}, DeleteOptions: options})
	switch {
	case err == nil, apierrors.IsNotFound(err):
		return nil
	case apierrors.IsConflict(err):
		return x.replaced(ctx, p.Target.Namespace, v, err)
	case apierrors.HasStatusCause(err, policyv1.DisruptionBudgetCause), strings.Contains(err.Error(), manyBudgets):
		return refuseFor(ReasonPDB, "evict "+v.Name, err)
	}
	return apiFailure("evict "+v.Name, err)
}

// replaced tells a UID that no longer matches, which is done, from any other
// conflict, which may pass.
func (x *Executor) replaced(ctx context.Context, namespace string, v Victim, conflict error) error {
	pod, err := x.kube.CoreV1().Pods(namespace).Get(ctx, v.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return apiFailure("read "+v.Name, err)
	case string(pod.UID) != v.UID:
		return nil
	}
	return passing(ReasonContended, fmt.Errorf("evict %s: %w", v.Name, conflict))
}
