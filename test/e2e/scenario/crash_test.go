package scenario

import (
	"context"
	"errors"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/watch"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/test/e2e/bed"
)

// function is the container of a Knative Service's pod that is ours.
const function = "user-container"

// TestAStageThatIsKilledAtWorkActsOnce kills each stage when it has been given
// what it must not lose: the request is in its hands, and no answer ever comes.
func TestAStageThatIsKilledAtWorkActsOnce(t *testing.T) {
	w := enter(t)
	w.keepAwake(t)
	var ill []*illness
	for _, stage := range []string{event.StageGateway, event.StageEnrich, event.StageClassify, event.StageAnalyze,
		event.StageAuthorize, event.StageExecute, event.StageRecord} {
		i := w.fallIll(t)
		ill = append(ill, i)
		t.Run(stage, func(t *testing.T) {
			w.killAtWork(t, stage, func() { w.tellAlertmanager(t, i) })
			w.acted(t, i)
		})
	}
	// Their verdicts are due about now, and assess is killed when it is asked for them.
	t.Run(event.StageAssess, func(t *testing.T) { w.killAtWork(t, event.StageAssess, func() {}) })
	for _, i := range ill {
		w.healedOnce(t, i)
	}
}

// TestExecuteThatIsKilledRightAfterItsWriteDoesNotWriteAgain kills it when the
// API server says that the object has changed: before anybody else knows.
func TestExecuteThatIsKilledRightAfterItsWriteDoesNotWriteAgain(t *testing.T) {
	w := enter(t)
	w.keepAwake(t)
	i := w.fallIll(t)
	pods := w.awake(t, event.StageExecute)
	changes, err := w.kube.AppsV1().Deployments(i.deployment.Namespace).Watch(t.Context(),
		metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector("metadata.name", i.deployment.Name).String()})
	require.NoError(t, err)
	defer changes.Stop()
	w.tellAlertmanager(t, i)
	written(t, changes)
	for _, pod := range pods {
		require.NoError(t, w.bed.KillContainer(t.Context(), &pod, function))
	}
	w.acted(t, i)
	w.healedOnce(t, i)
}

// TestADeadLetterIsKeptThoughItsStageIsKilled is for the stage that gets what
// no other could take.
func TestADeadLetterIsKeptThoughItsStageIsKilled(t *testing.T) {
	w := enter(t)
	w.keepAwake(t)
	e := sample(t, "signal.received.json")
	e["id"] = "poison-" + uuid.NewString()
	w.killAtWork(t, event.StageDeadletter, func() { w.publish(t, e) })
	require.Contains(t, w.letters(t, e["id"].(string), 2), event.StageEnrich)
}

// written waits for a Deployment that carries the mark of an action.
func written(t testing.TB, changes watch.Interface) {
	t.Helper()
	ctx, stop := during(t)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errImpatient)
	defer cancel()
	for {
		select {
		case <-ctx.Done():
			require.FailNow(t, "no action was applied", "%v", context.Cause(ctx))
		case change := <-changes.ResultChan():
			object, ok := change.Object.(metav1.Object)
			require.True(t, ok, "%+v", change.Object)
			if object.GetAnnotations()["kubernaut.ai/applied"] != "" {
				return
			}
		}
	}
}

// aProbe is more than the kubelet's questions after a container's health are
// long, in bytes, and less than any request that means something.
const aProbe = 450

// killAtWork gives a stage work, and kills the process that got it before it has
// read a byte.
func (w *world) killAtWork(t testing.TB, stage string, work func()) {
	t.Helper()
	h := w.freeze(t, stage)
	defer h.thaw(t)
	work()
	victim := h.loaded(t)
	require.NoError(t, w.bed.KillContainer(t.Context(), &victim, function))
}

// holdAtWork gives a stage work, and lets it begin only when thaw is called.
func (w *world) holdAtWork(t testing.TB, stage string, work func()) (thaw func()) {
	t.Helper()
	h := w.freeze(t, stage)
	t.Cleanup(func() { h.thaw(t) })
	work()
	h.loaded(t)
	return func() { h.thaw(t) }
}

// held are the processes of a stage, standing still.
type held struct {
	stage  string
	frozen map[*bed.Frozen]corev1.Pod
}

func (w *world) freeze(t testing.TB, stage string) held {
	t.Helper()
	h := held{stage: stage, frozen: map[*bed.Frozen]corev1.Pod{}}
	for _, pod := range w.awake(t, stage) {
		f, err := w.bed.FreezeContainer(&pod, function)
		require.NoError(t, err)
		h.frozen[f] = pod
	}
	return h
}

// thaw may be called again, and after a process has been killed.
func (h held) thaw(t testing.TB) {
	t.Helper()
	for f := range h.frozen {
		require.NoError(t, f.Thaw())
	}
}

// loaded waits until one of them has a request that it has not read, and returns
// its pod.
func (h held) loaded(t testing.TB) (pod corev1.Pod) {
	t.Helper()
	until(t, "a request in the hands of "+h.stage, func(context.Context) (bool, any) {
		seen := map[string]int{}
		for f, of := range h.frozen {
			unread, err := f.Unread()
			if err != nil && !errors.Is(err, bed.ErrNoProcess) {
				return false, err
			}
			if seen[of.Name] = unread; unread > aProbe {
				pod = of
				return true, nil
			}
		}
		return false, seen
	})
	return pod
}
