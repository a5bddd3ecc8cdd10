package simulation

import (
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// reconcileJob runs pods until enough have succeeded or too many have failed.
func (e *engine) reconcileJob(r ref) error {
	job, ok := get[*batchv1.Job](e, r)
	if !ok || job.DeletionTimestamp != nil {
		return nil
	}
	if finished(job) {
		return nil
	}
	if job.Spec.Selector == nil {
		return e.adoptSelector(r, job)
	}
	owned, err := e.ownedPods(job.UID, job.Spec.Selector)
	if err != nil {
		return err
	}
	var active, succeeded, failed int32
	for _, pod := range owned {
		switch {
		case pod.Status.Phase == corev1.PodSucceeded:
			succeeded++
		case pod.Status.Phase == corev1.PodFailed:
			failed++
		case alive(pod):
			active++
		}
	}
	verdict := judgeJob(job, succeeded, failed)
	if verdict == nil && (job.Spec.Suspend == nil || !*job.Spec.Suspend) {
		for missing := min(*job.Spec.Parallelism, *job.Spec.Completions-succeeded) - active; missing > 0; missing-- {
			if err := e.createPod(jobs, job, e.podFrom(jobs, job, &job.Spec.Template), componentJob); err != nil {
				return err
			}
			active++
		}
	}
	return e.writeJobStatus(r, verdict, [3]int32{active, succeeded, failed})
}

func finished(job *batchv1.Job) bool {
	for _, condition := range job.Status.Conditions {
		if (condition.Type == batchv1.JobComplete || condition.Type == batchv1.JobFailed) && condition.Status == corev1.ConditionTrue {
			return true
		}
	}
	return false
}

// adoptSelector gives a job the selector and labels that tie its pods to it.
func (e *engine) adoptSelector(r ref, job *batchv1.Job) error {
	uid := string(job.UID)
	return e.modify(r, func(o runtime.Object) {
		j := o.(*batchv1.Job)
		j.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{batchv1.ControllerUidLabel: uid}}
		if j.Spec.Template.Labels == nil {
			j.Spec.Template.Labels = map[string]string{}
		}
		j.Spec.Template.Labels[batchv1.ControllerUidLabel] = uid
		j.Spec.Template.Labels[batchv1.JobNameLabel] = j.Name
	})
}

func judgeJob(job *batchv1.Job, succeeded, failed int32) *batchv1.JobCondition {
	switch {
	case succeeded >= *job.Spec.Completions:
		return &batchv1.JobCondition{Type: batchv1.JobComplete, Status: corev1.ConditionTrue, Reason: batchv1.JobReasonCompletionsReached}
	case failed > *job.Spec.BackoffLimit:
		return &batchv1.JobCondition{Type: batchv1.JobFailed, Status: corev1.ConditionTrue, Reason: batchv1.JobReasonBackoffLimitExceeded, Message: "Job has reached the specified backoff limit"}
	}
	return nil
}

func (e *engine) writeJobStatus(r ref, verdict *batchv1.JobCondition, counts [3]int32) error {
	now := metav1.NewTime(e.now())
	return e.setStatus(r, func(o runtime.Object) {
		status := &o.(*batchv1.Job).Status
		status.Active, status.Succeeded, status.Failed = counts[0], counts[1], counts[2]
		if status.StartTime == nil {
			status.StartTime = &now
		}
		if verdict == nil {
			return
		}
		verdict.LastProbeTime, verdict.LastTransitionTime = now, now
		status.Conditions = append(status.Conditions, *verdict)
		if verdict.Type == batchv1.JobComplete {
			status.CompletionTime = &now
		}
	})
}
