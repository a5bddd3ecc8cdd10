package function

import (
	"context"
	"fmt"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"

	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/event"
)

// directory answers for objects of any kind by their metadata.
type directory interface {
	Owners(ctx context.Context, t event.Target) ([]event.Target, error)
	Locate(ctx context.Context, t event.Target) (*metav1.PartialObjectMetadata, error)
}

// enricher reads contexts from one cluster.
type enricher struct {
	clients   *cluster.Clients
	directory directory
	meter     meter
	now       func() time.Time
}

// enrich reads what the cluster knows about the signal's target. Parts that
// cannot be read are named in the context; an error means that nothing could
// be read, and may pass.
func (e enricher) enrich(ctx context.Context, s event.Signal) (event.Context, error) {
	ctx, cancel := context.WithTimeout(ctx, totalTimeout)
	defer cancel()
	w := &work{enricher: e, gathering: newGathering(), signal: s}
	w.startIdentity(ctx)
	w.readTarget(ctx)
	w.lookThrough(ctx)
	w.startSurroundings(ctx)
	w.wait()
	w.readRestOfNodes(ctx)
	found := w.compose()
	found.CollectedAt = e.now().UTC()
	if err := w.verdict(&found); err != nil {
		return event.Context{}, err
	}
	return found.Bound(), nil
}

// work is the reading of one context.
type work struct {
	enricher
	*gathering
	signal event.Signal
	facts
}

// startIdentity reads what needs no other fact.
func (w *work) startIdentity(ctx context.Context) {
	w.startEvents(ctx)
	w.startNodes(ctx)
	resource := w.signal.Resource
	if resource.Kind == "" {
		resource = w.signal.Target
	}
	w.start(ctx, PartOwners, func(ctx context.Context) (err error) {
		w.owners, err = w.directory.Owners(ctx, resource)
		return err
	})
	if w.signal.Target.Namespace == "" {
		return
	}
	w.start(ctx, PartNamespace, func(ctx context.Context) error {
		m, err := w.directory.Locate(ctx, event.Target{APIVersion: "v1", Kind: kindNamespace.Kind, Name: w.signal.Target.Namespace})
		if err == nil {
			w.namespaceLabels = m.Labels
		}
		return err
	})
}

// readTarget reads the target itself. Of one that is gone, the alert's pod
// may still be there.
func (w *work) readTarget(ctx context.Context) {
	w.target = subject{target: w.signal.Target}
	if !w.read(ctx, PartTarget, w.reading(w.signal.Target, &w.target)) && w.signal.Resource.Kind == kindPod.Kind {
		w.target.pods = podQuery{namespace: w.signal.Resource.Namespace, name: w.signal.Resource.Name}
	}
	w.subject = w.target
	if w.target.metadataOnly {
		w.note(PartWorkload, errUnsupported)
	}
}

// reading is the read of one object by the reader of its kind.
func (w *work) reading(t event.Target, into *subject) func(context.Context) error {
	return func(ctx context.Context) error {
		read, ok := readers[t.Kind]
		if !ok {
			read = enricher.metadata
		}
		found, err := read(w.enricher, ctx, t)
		if apierrors.IsNotFound(err) {
			return fmt.Errorf("%w: %s", cluster.ErrGone, t)
		}
		if err == nil {
			*into = found
		}
		return err
	}
}

// lookThrough finds the workload behind a target that is none itself.
func (w *work) lookThrough(ctx context.Context) {
	switch {
	case w.target.scales != nil:
		w.read(ctx, PartWorkload, w.reading(*w.target.scales, &w.subject))
	case w.target.through && !w.target.pods.empty():
		if w.read(ctx, PartPods, w.readingPods(w.target.pods)) {
			w.podsRead = true
			w.read(ctx, PartWorkload, w.readWorkloadOfPods)
		}
	case w.target.cronJob:
		w.read(ctx, PartPods, w.readJobs)
	}
}

// readWorkloadOfPods makes the top owner of the target's pods the subject.
func (w *work) readWorkloadOfPods(ctx context.Context) error {
	i := slices.IndexFunc(w.pods, func(p corev1.Pod) bool { return metav1.GetControllerOfNoCopy(&p) != nil })
	if i < 0 {
		return nil
	}
	pod := kindPod
	pod.Namespace, pod.Name = w.pods[i].Namespace, w.pods[i].Name
	chain, err := w.directory.Owners(ctx, pod)
	if err != nil || len(chain) == 0 {
		return err
	}
	top := chain[len(chain)-1]
	if _, known := readers[top.Kind]; !known {
		return nil
	}
	return w.reading(top, &w.subject)(ctx)
}

// maxJobsRead bounds the Jobs that are looked through for a CronJob's.
const maxJobsRead = 200

// readJobs finds a CronJob's Jobs: they say how it fares, and have its pods.
func (w *work) readJobs(ctx context.Context) error {
	list, err := w.clients.Kube.BatchV1().Jobs(w.target.target.Namespace).List(ctx, metav1.ListOptions{Limit: maxJobsRead})
	if err != nil {
		return err
	}
	if list.Continue != "" {
		w.shortened("jobs", maxJobsRead)
	}
	var newest *batchv1.Job
	for i := range list.Items {
		j := &list.Items[i]
		ref := metav1.GetControllerOfNoCopy(j)
		if ref == nil || string(ref.UID) != w.target.target.UID {
			continue
		}
		w.jobs = append(w.jobs, j.Name)
		if newest == nil || newest.CreationTimestamp.Before(&j.CreationTimestamp) {
			newest = j
		}
	}
	if newest == nil {
		return nil
	}
	w.subject.workload.Conditions = jobState(newest).Conditions
	requirement, err := labels.NewRequirement(batchv1.JobNameLabel, selection.In, w.jobs)
	if err != nil {
		return err
	}
	w.subject.pods = podQuery{namespace: newest.Namespace, labels: labels.NewSelector().Add(*requirement)}
	return nil
}

func (w *work) readingPods(q podQuery) func(context.Context) error {
	return func(ctx context.Context) error {
		pods, more, err := w.readPods(ctx, q)
		if more {
			w.shortened(PartPods, maxPodsRead)
		}
		w.pods = pods
		return err
	}
}
