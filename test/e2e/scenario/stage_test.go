package scenario

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"

	"kubernaut.ai/test/e2e/platform/manifest"
	"kubernaut.ai/test/e2e/product"
)

// TestAStageIsAddedByAFolderAndATrigger adds one to a copy of the project with
// the command that a user types, installs it beside the others, and fires.
func TestAStageIsAddedByAFolderAndATrigger(t *testing.T) {
	w := enterBeside(t)
	const name = "tally"
	before := w.services(t)
	root := copyOfProject(t)
	added := exec.Command("make", "--silent", "stage", "NAME="+name, "ON=signal.received")
	added.Dir, added.Env = root, append(os.Environ(), "GOWORK=")
	said, err := added.CombinedOutput()
	require.NoError(t, err, "%s", said)
	t.Cleanup(func() { w.remove(t, root, name) })
	ctx, stop := during(t)
	defer stop()
	require.NoError(t, w.install(ctx, product.Options{Root: root, Functions: []string{name}}))

	d := w.rolledOut(t, w.deploy(t, deployment(w.namespace(t, managed), "web", w.container())))
	w.fire(t, map[string]string{"alertname": "KubePodNotReady", "severity": "info", "namespace": d.Namespace, "pod": w.podOf(t, d.Namespace)})
	until(t, "the new stage's note in its log", func(ctx context.Context) (bool, any) {
		log := w.logOf(ctx, name)
		return strings.Contains(log, "KubePodNotReady on "+d.Namespace+"/Deployment/"+d.Name), log
	})
	after := w.services(t)
	for stage, generation := range before {
		require.Equal(t, generation, after[stage], "%s was changed too", stage)
	}
}

// services are the generations of the Knative Services that there are.
func (w *world) services(t testing.TB) map[string]int64 {
	t.Helper()
	list, err := w.dynamic.Resource(knativeServices).Namespace(product.Namespace).List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	found := map[string]int64{}
	for _, item := range list.Items {
		found[item.GetName()] = item.GetGeneration()
	}
	return found
}

// logOf is what a stage's pods have said, as far as they still are.
func (w *world) logOf(ctx context.Context, stage string) string {
	return w.logSince(ctx, stage, time.Time{})
}

// logSince is what they have said since a moment, to the second.
func (w *world) logSince(ctx context.Context, stage string, since time.Time) string {
	options := &corev1.PodLogOptions{Container: function}
	if !since.IsZero() {
		options.SinceTime = ptr.To(metav1.NewTime(since))
	}
	pods, err := w.kube.CoreV1().Pods(product.Namespace).List(ctx, metav1.ListOptions{LabelSelector: serving + "=" + stage})
	if err != nil {
		return err.Error()
	}
	var said strings.Builder
	for _, pod := range pods.Items {
		text, err := w.kube.CoreV1().Pods(product.Namespace).GetLogs(pod.Name, options).DoRaw(ctx)
		if err == nil {
			said.Write(text)
		}
	}
	return said.String()
}

// remove deletes what installing a stage has added.
func (w *world) remove(t testing.TB, root, stage string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	objects, err := product.Render(root, product.Overlay)
	require.NoError(t, err)
	own, _ := manifest.Split(objects, func(o *unstructured.Unstructured) bool {
		return o.GetLabels()["app.kubernetes.io/component"] == stage
	})
	require.NoError(t, w.cluster.Delete(ctx, own...))
	require.NoError(t, w.dynamic.Resource(knativeServices).Namespace(product.Namespace).Delete(ctx, stage, metav1.DeleteOptions{}))
	require.NoError(t, w.kube.CoreV1().Secrets(product.Namespace).Delete(ctx, "seal-"+stage, metav1.DeleteOptions{}))
}

// copyOfProject copies what a clone of the project has, as it is now.
func copyOfProject(t testing.TB) string {
	t.Helper()
	root, from := t.TempDir(), product.Root()
	listed := exec.CommandContext(t.Context(), "git", "ls-files", "--cached", "--others", "--exclude-standard", "-z")
	listed.Dir = from
	out, err := listed.Output()
	require.NoError(t, err)
	for _, file := range strings.Split(strings.TrimRight(string(out), "\x00"), "\x00") {
		text, err := os.ReadFile(filepath.Join(from, file))
		if os.IsNotExist(err) {
			continue // deleted, and not yet committed
		}
		require.NoError(t, err)
		info, err := os.Stat(filepath.Join(from, file))
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Join(root, filepath.Dir(file)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(root, file), text, info.Mode()&fs.ModePerm))
	}
	return root
}
