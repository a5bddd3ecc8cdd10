package scenario

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/test/e2e/product"
)

// The steps of deploy/README.md, and the commands in each.
var (
	manualStep    = regexp.MustCompile(`(?m)^## \d\. `)
	manualCommand = regexp.MustCompile("(?s)```sh\n(.*?)```")
)

// TestTheManualsCommandsWork types what deploy/README.md says, step by step, on
// this cluster: only the overlay and the registry are its own, and one function
// stands for all, which were installed by the same command.
func TestTheManualsCommandsWork(t *testing.T) {
	w := enter(t)
	there := []string{"shop", "monitoring"}
	for _, name := range there {
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
		_, err := w.kube.CoreV1().Namespaces().Create(t.Context(), namespace, metav1.CreateOptions{})
		require.NoError(t, err)
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		for _, name := range there {
			require.NoError(t, w.kube.CoreV1().Namespaces().Delete(ctx, name, metav1.DeleteOptions{}))
		}
		require.NoError(t, w.kube.RbacV1().ClusterRoleBindings().Delete(ctx, "kubernaut-operators", metav1.DeleteOptions{}))
	})
	here := strings.NewReplacer(
		"-k deploy/overlays/dev", "-k "+product.Overlay,
		"OVERLAY=dev", "OVERLAY=external",
		"REGISTRY=registry.example/kubernaut", "REGISTRY="+w.site.Registry+" FUNCTION=deadletter PLATFORM="+w.site.Platform,
	)
	steps := manualStep.Split(manual(t), -1)[1:]
	require.Len(t, steps, 5)
	typed := 0
	for _, step := range steps {
		step, _, _ = strings.Cut(step, "\n## ")
		for _, block := range manualCommand.FindAllStringSubmatch(step, -1) {
			w.typeIn(t, here.Replace(block[1]))
			typed++
		}
	}
	require.Equal(t, 6, typed)

	shop, err := w.kube.CoreV1().Namespaces().Get(t.Context(), "shop", metav1.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, "true", shop.Labels["kubernaut.ai/managed"])
	sender, err := w.kube.CoreV1().Secrets("monitoring").Get(t.Context(), "kubernaut-sender", metav1.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, w.credential, string(sender.Data["token"]))
	require.True(t, w.groupMay(t, "shop-oncall", "approve", "shop"))
	require.False(t, w.groupMay(t, "shop-oncall", "approve", product.Namespace))
	require.True(t, w.groupMay(t, "platform", "pause", ""))
}

// manual is deploy/README.md.
func manual(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(product.Root(), "deploy", "README.md"))
	require.NoError(t, err)
	return string(text)
}

// typeIn runs a user's commands in the project's folder.
func (w *world) typeIn(t *testing.T, commands string) {
	t.Helper()
	t.Log(commands)
	ctx, stop := during(t)
	defer stop()
	cmd := exec.CommandContext(ctx, "bash", "-eu", "-o", "pipefail", "-c", commands)
	cmd.Dir = product.Root()
	// What it has started ends with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	// A user's shell is not within a make, as this may be.
	cmd.Env = append(os.Environ(), "MAKELEVEL=0", "MAKEFLAGS=", "GOWORK=", "KUBECONFIG="+w.site.Kubeconfig, fmt.Sprintf("FUNC_REGISTRY_INSECURE=%t", w.site.InsecureRegistry),
		"REDIS_URL="+w.site.Redis, "HISTORY_URL="+w.site.Postgres,
		"PATH="+filepath.Dir(w.programs["kubectl"])+":"+filepath.Dir(w.programs["func"])+":"+os.Getenv("PATH"))
	said, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s\n%s", commands, said)
}

// groupMay asks the API server whether a group of people has a right to remediations.
func (w *world) groupMay(t *testing.T, group, verb, namespace string) bool {
	t.Helper()
	review, err := w.kube.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), &authorizationv1.SubjectAccessReview{
		Spec: authorizationv1.SubjectAccessReviewSpec{User: "somebody", Groups: []string{group},
			ResourceAttributes: &authorizationv1.ResourceAttributes{Group: "kubernaut.ai", Resource: "remediations", Verb: verb, Namespace: namespace}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	return review.Status.Allowed
}
