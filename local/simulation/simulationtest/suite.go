package simulationtest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

const (
	pollInterval = 10 * time.Millisecond
	awaitTimeout = time.Minute
	// manager is the field manager and first word of the user agent of the suite's writes.
	manager = "conformance"
)

// suite is one test's connection and namespace.
type suite struct {
	t         *testing.T
	config    *rest.Config
	client    *kubernetes.Clientset
	namespace string
}

// Run holds a cluster to the suite. config is called once a test and returns administrator's access.
func Run(t *testing.T, config func(t *testing.T) *rest.Config) {
	for _, test := range []struct {
		name string
		run  func(*suite)
	}{
		{"a dry run of every verb answers with the result and changes nothing", dryRunChangesNothing},
		{"an update with a stale resourceVersion conflicts", staleUpdateConflicts},
		{"a patch that carries a stale resourceVersion conflicts", stalePatchConflicts},
		{"an update with another uid conflicts", foreignUIDConflicts},
		{"a write that changes nothing keeps the resourceVersion", emptyWriteKeepsVersion},
		{"a JSON Patch whose test fails is 422 and changes nothing", failedPatchTest},
		{"a JSON Patch whose tests hold is applied whole", heldPatchTest},
		{"a patch of an unknown type is refused with 415", unknownPatchType},
		{"server-side apply creates, then merges, and records its manager", serverSideApply},
		{"generation counts changes of the spec, and of a Deployment's annotations", generationOnSpecOnly},
		{"the status subresource changes the status only", statusSubresource},
		{"the scale subresource reads and sets the replicas", scaleSubresource},
		{"a scale with a stale resourceVersion or a failed test is refused", scaleGuards},
		{"a delete with a wrong uid or resourceVersion conflicts", deletePreconditions},
		{"an eviction is refused by a budget and allowed without", evictionAndBudgets},
		{"an eviction with a wrong uid conflicts", evictionPrecondition},
		{"metadata-only reads return no spec", metadataOnly},
		{"selectors on labels and fields narrow a list", selectors},
		{"a watch from a resourceVersion sees every later change", watchSeesChanges},
		{"a watch with a selector sees an object leave it as deleted", watchSelectorLeave},
		{"an informer fills and follows", informerFollows},
		{"a rollback uses the former ReplicaSet again", rollbackReuses},
		{"deleting an owner deletes what it owns", garbageCollection},
		{"invalid objects are refused with 422 and the field named", validation},
		{"a namespaced create needs its namespace", namespaceMustExist},
		{"discovery finds kinds by resource", discovery},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(newSuite(t, config(t))) })
	}
}

func newSuite(t *testing.T, config *rest.Config) *suite {
	t.Helper()
	config = rest.CopyConfig(config)
	config.QPS = -1
	config.UserAgent = manager + "/1"
	client, err := kubernetes.NewForConfig(config)
	require.NoError(t, err)
	home, err := client.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "conformance-"}}, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() {
		err := client.CoreV1().Namespaces().Delete(context.WithoutCancel(t.Context()), home.Name, metav1.DeleteOptions{})
		require.NoError(t, err)
	})
	return &suite{t: t, config: config, client: client, namespace: home.Name}
}

func (s *suite) ctx() context.Context { return s.t.Context() }

// await asks again until a condition holds.
func (s *suite) await(what string, condition func() bool) {
	s.t.Helper()
	err := wait.PollUntilContextTimeout(s.ctx(), pollInterval, awaitTimeout, true, func(context.Context) (bool, error) { return condition(), nil })
	require.NoError(s.t, err, what)
}

// idle returns a Deployment of no pods, which no controller touches while a test looks at it once its status has settled.
func (s *suite) idle() *appsv1.Deployment {
	s.t.Helper()
	created, err := s.client.AppsV1().Deployments(s.namespace).Create(s.ctx(), deployment("web", 0), metav1.CreateOptions{})
	require.NoError(s.t, err)
	s.await("the Deployment controller has seen it", func() bool {
		d := s.get(created.Name)
		return d.Status.ObservedGeneration == d.Generation && len(d.Status.Conditions) == 2
	})
	return s.settled(created.Name)
}

// settled returns the Deployment once two looks see the same.
func (s *suite) settled(name string) *appsv1.Deployment {
	s.t.Helper()
	last := s.get(name)
	s.await("the Deployment settles", func() bool {
		now := s.get(name)
		same := now.ResourceVersion == last.ResourceVersion
		last = now
		return same
	})
	return last
}

func (s *suite) get(name string) *appsv1.Deployment {
	s.t.Helper()
	d, err := s.client.AppsV1().Deployments(s.namespace).Get(s.ctx(), name, metav1.GetOptions{})
	require.NoError(s.t, err)
	return d
}

func (s *suite) patch(kind types.PatchType, patch string, options metav1.PatchOptions, subresources ...string) (*appsv1.Deployment, error) {
	return s.client.AppsV1().Deployments(s.namespace).Patch(s.ctx(), "web", kind, []byte(patch), options, subresources...)
}

// configMap creates an object that no controller ever touches.
func (s *suite) configMap(name string, data map[string]string, labels map[string]string) *corev1.ConfigMap {
	s.t.Helper()
	created, err := s.client.CoreV1().ConfigMaps(s.namespace).Create(s.ctx(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}, Data: data}, metav1.CreateOptions{})
	require.NoError(s.t, err)
	return created
}

// running creates a Deployment and waits for its pods.
func (s *suite) running(replicas int32) *appsv1.Deployment {
	s.t.Helper()
	_, err := s.client.AppsV1().Deployments(s.namespace).Create(s.ctx(), deployment("web", replicas), metav1.CreateOptions{})
	require.NoError(s.t, err)
	return s.awaitRollout("web")
}

func (s *suite) awaitRollout(name string) *appsv1.Deployment {
	s.t.Helper()
	var d *appsv1.Deployment
	s.await("the rollout is complete", func() bool {
		d = s.get(name)
		wanted := *d.Spec.Replicas
		return d.Status.ObservedGeneration == d.Generation && d.Status.Replicas == wanted && d.Status.UpdatedReplicas == wanted && d.Status.AvailableReplicas == wanted
	})
	return d
}

func deployment(name string, replicas int32) *appsv1.Deployment {
	labels := map[string]string{"app": name}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "registry.example/web:v1"}}},
			},
		},
	}
}
