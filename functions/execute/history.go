package function

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/functions/execute/reading"
	"kubernaut.ai/shared/cluster"
)

// annotationRevision numbers the ReplicaSets of a Deployment.
const annotationRevision = "deployment.kubernetes.io/revision"

// recorded is a revision with its pod template.
type recorded struct {
	Revision
	template corev1.PodTemplateSpec
	created  time.Time
}

// history is a workload's rollout history, the newest revision first.
type history struct {
	revisions []recorded
	// digest is the one of the template that the workload has now.
	digest string
	// named is what the controller says is the present revision: the fallback
	// where a newer API server's defaults make digests differ.
	named string
}

// current is the revision of the workload's present template.
func (h history) current() (recorded, bool) {
	for _, r := range h.revisions {
		if r.Digest == h.digest {
			return r, true
		}
	}
	for _, r := range h.revisions {
		if h.named != "" && (r.Name == h.named || strconv.FormatInt(r.Number, 10) == h.named) {
			return r, true
		}
	}
	return recorded{}, false
}

// present is the current revision; that of a rollout which the controller has not
// seen is to be waited for.
func (h history) present(l live) (recorded, error) {
	r, ok := h.current()
	if !ok {
		return r, passing(ReasonUnobserved, fmt.Errorf("the controller has not recorded the present template of %s", l.target))
	}
	return r, nil
}

func (h history) byName(name string) (recorded, bool) {
	i := slices.IndexFunc(h.revisions, func(r recorded) bool { return r.Name == name })
	if i < 0 {
		return recorded{}, false
	}
	return h.revisions[i], true
}

// historyOf reads the rollout history of a Deployment, StatefulSet or DaemonSet.
func historyOf(ctx context.Context, kube reading.Client, l live) (history, error) {
	var h history
	var template corev1.PodTemplateSpec
	var err error
	switch t := l.typed.(type) {
	case *appsv1.Deployment:
		template = t.Spec.Template
		h.revisions, err = replicaSetsOf(ctx, kube, t)
		if t.Status.ObservedGeneration >= t.Generation {
			h.named = t.Annotations[annotationRevision]
		}
	case *appsv1.StatefulSet:
		template = t.Spec.Template
		h.revisions, err = controllerRevisionsOf(ctx, kube, controlled{t, t.Spec.Selector})
		if t.Status.ObservedGeneration >= t.Generation {
			h.named = t.Status.UpdateRevision
		}
	case *appsv1.DaemonSet:
		template = t.Spec.Template
		h.revisions, err = controllerRevisionsOf(ctx, kube, controlled{t, t.Spec.Selector})
	default:
		return h, refuse(ReasonKindUnsupported, "%s has no rollout history", l.target)
	}
	if err != nil {
		return h, err
	}
	slices.SortFunc(h.revisions, func(a, b recorded) int { return cmp.Compare(b.Number, a.Number) })
	h.digest, err = cluster.TemplateDigest(template)
	return h, err
}

func record(m metav1.ObjectMeta, number int64, t corev1.PodTemplateSpec) (recorded, error) {
	t = cluster.PlainTemplate(t)
	sum, err := cluster.TemplateDigest(t)
	return recorded{Revision{Name: m.Name, Number: number, Digest: sum}, t, m.CreationTimestamp.Time}, err
}

// controlled is a workload whose revisions are to be listed.
type controlled struct {
	owner    metav1.Object
	selector *metav1.LabelSelector
}

func (c controlled) options() (metav1.ListOptions, error) {
	s, err := metav1.LabelSelectorAsSelector(c.selector)
	if err != nil {
		return metav1.ListOptions{}, fmt.Errorf("selector of %s: %w", c.owner.GetName(), err)
	}
	return metav1.ListOptions{LabelSelector: s.String()}, nil
}

func replicaSetsOf(ctx context.Context, kube reading.Client, d *appsv1.Deployment) ([]recorded, error) {
	options, err := controlled{d, d.Spec.Selector}.options()
	if err != nil {
		return nil, err
	}
	list, err := kube.AppsV1().ReplicaSets(d.Namespace).List(ctx, options)
	if err != nil {
		return nil, apiFailure("list replica sets", err)
	}
	var out []recorded
	for i := range list.Items {
		set := &list.Items[i]
		n, err := strconv.ParseInt(set.Annotations[annotationRevision], 10, 64)
		if err != nil || !metav1.IsControlledBy(set, d) {
			continue
		}
		r, err := record(set.ObjectMeta, n, set.Spec.Template)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

func controllerRevisionsOf(ctx context.Context, kube reading.Client, c controlled) ([]recorded, error) {
	options, err := c.options()
	if err != nil {
		return nil, err
	}
	list, err := kube.AppsV1().ControllerRevisions(c.owner.GetNamespace()).List(ctx, options)
	if err != nil {
		return nil, apiFailure("list controller revisions", err)
	}
	var out []recorded
	for i := range list.Items {
		rev := &list.Items[i]
		if !metav1.IsControlledBy(rev, c.owner) {
			continue
		}
		t, err := templateIn(rev)
		if err != nil {
			return nil, err
		}
		r, err := record(rev.ObjectMeta, rev.Revision, t)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// templateIn decodes what a ControllerRevision holds: a patch that replaces
// the whole pod template.
func templateIn(rev *appsv1.ControllerRevision) (corev1.PodTemplateSpec, error) {
	var data struct {
		Spec struct {
			Template corev1.PodTemplateSpec `json:"template"`
		} `json:"spec"`
	}
	if err := json.Unmarshal(rev.Data.Raw, &data); err != nil {
		return data.Spec.Template, fmt.Errorf("decode controller revision %s: %w", rev.Name, err)
	}
	return data.Spec.Template, nil
}

// templateOps replaces the pod template by that of the planned revision. The
// present one is guarded by its digest and, in the patch, by the resource
// version under which the digest was computed: no template is spelled out
// twice, and none is kept.
func (x *Executor) templateOps(ctx context.Context, p Plan, l live) ([]operation, error) {
	former, err := x.formerTemplate(ctx, p, l)
	if err != nil {
		return nil, err
	}
	return []operation{
		{"test", "/metadata/resourceVersion", l.meta.GetResourceVersion()},
		{"replace", templatePath, former},
	}, nil
}

// formerTemplate is the planned template, if the target's present one is still
// that which it was planned to replace.
func (x *Executor) formerTemplate(ctx context.Context, p Plan, l live) (corev1.PodTemplateSpec, error) {
	var none corev1.PodTemplateSpec
	if known := p.Template.read; known != nil && known.version == l.meta.GetResourceVersion() {
		return known.template, nil
	}
	h, err := historyOf(ctx, x.kube, l)
	if err != nil {
		return none, err
	}
	if h.digest != p.Template.Before.Digest {
		return none, refuse(ReasonTargetMoved, "the template of %s is no longer %s", l.target, p.Template.Before)
	}
	former, ok := h.byName(p.Template.After.Name)
	if !ok || former.Digest != p.Template.After.Digest {
		return none, refuse(ReasonNoRevision, "%s is gone", p.Template.After)
	}
	return former.template, nil
}
