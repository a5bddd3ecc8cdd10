package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The plots: what is wrong, and what puts it right.
const (
	// badRollout crash-loops since its last rollout and is rolled back.
	badRollout = "bad rollout"
	// outOfMemory is killed for want of memory and gets more.
	outOfMemory = "out of memory"
)

const (
	deployment = "web"
	goodImage  = "registry.example/web:1.0"
	badImage   = "registry.example/web:broken-1.1"
	memoryNeed = "180Mi"
)

const manifest = `
apiVersion: v1
kind: Namespace
metadata: {name: %[1]s, labels: {environment: staging, kubernaut.ai/managed: "true"}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: %[1]s}
spec:
  replicas: 2
  progressDeadlineSeconds: 3600
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, annotations: {simulation.kubernaut.ai/memory-need: %[3]s}}
    spec:
      containers:
        - name: app
          image: %[2]s
          resources: {requests: {cpu: 10m, memory: 128Mi}, limits: {cpu: 100m, memory: 128Mi}}
`

// story is one workload, its fault and its alert.
type story struct {
	*world
	plot      string
	namespace string
	pod       string
	startsAt  time.Time
	// remediation is known once the gateway has taken the alert.
	remediation string
}

// stage makes the workload and breaks it.
func (w *world) stage(ctx context.Context, plot string) (*story, error) {
	w.mu.Lock()
	w.stories++
	s := &story{world: w, plot: plot, namespace: fmt.Sprintf("shop-%d", w.stories)}
	w.mu.Unlock()
	if plot == badRollout {
		if err := s.load(goodImage, "1Mi"); err != nil {
			return s, err
		}
		if err := until(ctx, func() (bool, error) { return s.healthy(ctx) }); err != nil {
			return s, fmt.Errorf("wait for %s to be healthy: %w", s.namespace, err)
		}
		if err := s.load(badImage, "1Mi"); err != nil {
			return s, err
		}
	} else if err := s.load(goodImage, memoryNeed); err != nil {
		return s, err
	}
	err := until(ctx, func() (ok bool, err error) {
		s.pod, err = s.crashLooping(ctx, plainLoop)
		return s.pod != "", err
	})
	if err != nil {
		return s, fmt.Errorf("wait for %s to break: %w", s.namespace, err)
	}
	s.startsAt = time.Now()
	return s, nil
}

// strike takes the workload away: nodes hold only so much.
func (s *story) strike(ctx context.Context) error {
	policy := metav1.DeletePropagationBackground
	if err := s.kube.AppsV1().Deployments(s.namespace).Delete(ctx, deployment, metav1.DeleteOptions{PropagationPolicy: &policy}); err != nil {
		return fmt.Errorf("take the workload away: %w", err)
	}
	return nil
}

func (s *story) load(image, need string) error {
	return s.cluster.Load(strings.NewReader(fmt.Sprintf(manifest, s.namespace, image, need)))
}

func (s *story) workload(ctx context.Context) (*appsv1.Deployment, error) {
	return s.kube.AppsV1().Deployments(s.namespace).Get(ctx, deployment, metav1.GetOptions{})
}

func (s *story) healthy(ctx context.Context) (bool, error) {
	d, err := s.workload(ctx)
	if err != nil {
		return false, err
	}
	if st := d.Status; st.ObservedGeneration < d.Generation || st.ReadyReplicas < *d.Spec.Replicas || st.UpdatedReplicas < *d.Spec.Replicas ||
		st.Replicas > *d.Spec.Replicas {
		return false, nil
	}
	pod, err := s.crashLooping(ctx, 0)
	return pod == "", err
}

// plainLoop is from how many restarts on a crash loop is plain even at the
// moment between two back-offs, when the container runs.
const plainLoop = 3

// crashLooping is a pod whose container waits to be started again, after so
// many restarts.
func (s *story) crashLooping(ctx context.Context, restarts int32) (string, error) {
	pods, err := s.kube.CoreV1().Pods(s.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return "", err
	}
	for _, p := range pods.Items {
		for _, c := range p.Status.ContainerStatuses {
			if c.State.Waiting != nil && c.State.Waiting.Reason == "CrashLoopBackOff" && c.RestartCount >= restarts && p.DeletionTimestamp == nil {
				return p.Name, nil
			}
		}
	}
	return "", nil
}

// scene is how the workload looks.
func (s *story) scene(ctx context.Context) string {
	var b strings.Builder
	d, err := s.workload(ctx)
	if err != nil {
		return err.Error() + "\n"
	}
	fmt.Fprintf(&b, "deployment: generation %d of %s, status %+v\n", d.Generation, d.Spec.Template.Spec.Containers[0].Image, d.Status)
	sets, err := s.kube.AppsV1().ReplicaSets(s.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err.Error() + "\n"
	}
	for _, r := range sets.Items {
		fmt.Fprintf(&b, "replica set %s: %d of %s, status %+v\n", r.Name, *r.Spec.Replicas, r.Spec.Template.Spec.Containers[0].Image, r.Status)
	}
	pods, err := s.kube.CoreV1().Pods(s.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err.Error() + "\n"
	}
	for _, p := range pods.Items {
		fmt.Fprintf(&b, "pod %s: on %q, deleted %v, %s %+v %+v\n", p.Name, p.Spec.NodeName, p.DeletionTimestamp, p.Status.Phase, p.Status.Conditions, p.Status.ContainerStatuses)
	}
	return b.String()
}

// mended tells that the fault is gone by the change that the plot calls for.
func (s *story) mended(ctx context.Context) error {
	d, err := s.workload(ctx)
	if err != nil {
		return err
	}
	app := d.Spec.Template.Spec.Containers[0]
	switch {
	case app.Image != goodImage:
		return fmt.Errorf("the image is %s", app.Image)
	case s.plot == outOfMemory && app.Resources.Limits.Memory().Cmp(resource.MustParse(memoryNeed)) < 0:
		return fmt.Errorf("the memory limit is %s", app.Resources.Limits.Memory())
	}
	if ok, err := s.healthy(ctx); !ok || err != nil {
		return fmt.Errorf("the workload is not healthy (%v)", err)
	}
	return nil
}

// alert is the webhook body about the story; endsAt is zero while it fires.
func (s *story) alert(endsAt time.Time) ([]byte, error) {
	status := "firing"
	if !endsAt.IsZero() {
		status = "resolved"
	}
	name := map[string]string{badRollout: "KubePodCrashLooping", outOfMemory: "KubePodOOMKilled"}[s.plot]
	labels := map[string]string{"alertname": name, "namespace": s.namespace, "pod": s.pod, "container": "app", "severity": "warning"}
	return json.Marshal(map[string]any{
		"version": "4", "status": status, "receiver": "kubernaut", "groupKey": s.namespace, "groupLabels": labels,
		"commonLabels": labels, "commonAnnotations": map[string]string{}, "externalURL": "http://alertmanager.example:9093",
		"alerts": []map[string]any{{"status": status, "labels": labels, "annotations": map[string]string{"summary": "It is broken."},
			"startsAt": s.startsAt.UTC(), "endsAt": endsAt.UTC(), "generatorURL": "", "fingerprint": fmt.Sprintf("%016x", s.startsAt.UnixNano())}},
	})
}

// post posts a body until a 2xx, as Alertmanager does, and never again.
func (s *story) post(ctx context.Context, endsAt time.Time) (answer []byte, err error) {
	body, err := s.alert(endsAt)
	if err != nil {
		return nil, err
	}
	err = until(ctx, func() (bool, error) {
		to, err := s.front.wait(ctx)
		if err != nil {
			return false, err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, to+"/api/v1/signals/prometheus", bytes.NewReader(body))
		if err != nil {
			return false, err
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := s.client.Do(req)
		if err != nil {
			return false, nil // it died: the next one answers
		}
		defer func() { _ = resp.Body.Close() }()
		if answer, err = io.ReadAll(resp.Body); err != nil || resp.StatusCode >= http.StatusInternalServerError {
			return false, nil
		}
		if resp.StatusCode > 299 {
			return false, fmt.Errorf("post alert: %s: %s", resp.Status, answer)
		}
		return true, nil
	})
	if err != nil {
		return answer, fmt.Errorf("post alert: %w", err)
	}
	return answer, nil
}

// fire posts the alert and learns the remediation's id.
func (s *story) fire(ctx context.Context) error {
	answer, err := s.post(ctx, time.Time{})
	if err != nil {
		return err
	}
	var told struct {
		Results []struct {
			RemediationID string `json:"remediationId"`
		} `json:"results"`
		RemediationID string `json:"remediationId"`
	}
	if err := json.Unmarshal(answer, &told); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	s.remediation = told.RemediationID
	for _, r := range told.Results {
		s.remediation = r.RemediationID
	}
	if s.remediation == "" {
		return fmt.Errorf("the alert opened no remediation: %s", answer)
	}
	return nil
}

// resolve posts the resolve once the fault is gone.
func (s *story) resolve(ctx context.Context) error {
	if err := until(ctx, func() (bool, error) { return s.healthy(ctx) }); err != nil {
		return fmt.Errorf("wait for the fault to go: %w", err)
	}
	_, err := s.post(ctx, time.Now())
	return err
}
