package simulationtest

import (
	"strings"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func (s *suite) pods() []corev1.Pod {
	s.t.Helper()
	found, err := s.client.CoreV1().Pods(s.namespace).List(s.ctx(), metav1.ListOptions{LabelSelector: "app=web"})
	require.NoError(s.t, err)
	return found.Items
}

func (s *suite) evict(name string, options *metav1.DeleteOptions) error {
	return s.client.CoreV1().Pods(s.namespace).EvictV1(s.ctx(), &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: s.namespace}, DeleteOptions: options})
}

func evictionAndBudgets(s *suite) {
	s.running(2)
	budget := &policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec:       policyv1.PodDisruptionBudgetSpec{MinAvailable: ptr(intstr.FromInt32(2)), Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}},
	}
	api := s.client.PolicyV1().PodDisruptionBudgets(s.namespace)
	_, err := api.Create(s.ctx(), budget, metav1.CreateOptions{})
	require.NoError(s.t, err)
	s.await("the budget counts two healthy pods", func() bool {
		b, err := api.Get(s.ctx(), "web", metav1.GetOptions{})
		require.NoError(s.t, err)
		return b.Status.ObservedGeneration == b.Generation && b.Status.CurrentHealthy == 2
	})
	pod := s.pods()[0]
	for _, options := range []*metav1.DeleteOptions{nil, {DryRun: dryRun}} {
		err = s.evict(pod.Name, options)
		require.True(s.t, apierrors.IsTooManyRequests(err), "%v", err)
		require.True(s.t, apierrors.HasStatusCause(err, policyv1.DisruptionBudgetCause), "%v", err)
	}
	still, err := s.client.CoreV1().Pods(s.namespace).Get(s.ctx(), pod.Name, metav1.GetOptions{})
	require.NoError(s.t, err)
	require.Nil(s.t, still.DeletionTimestamp)

	_, err = api.Patch(s.ctx(), "web", types.MergePatchType, []byte(`{"spec":{"minAvailable":1}}`), metav1.PatchOptions{})
	require.NoError(s.t, err)
	s.await("the budget allows one disruption", func() bool {
		b, err := api.Get(s.ctx(), "web", metav1.GetOptions{})
		require.NoError(s.t, err)
		return b.Status.ObservedGeneration == b.Generation && b.Status.DisruptionsAllowed == 1
	})
	require.NoError(s.t, s.evict(pod.Name, &metav1.DeleteOptions{DryRun: dryRun}))
	require.NoError(s.t, s.evict(pod.Name, nil))
	s.awaitGone(pod)
	s.awaitRollout("web")
}

// awaitGone waits until a pod is no more, or another one has its name.
func (s *suite) awaitGone(pod corev1.Pod) {
	s.t.Helper()
	s.await("the pod is gone", func() bool {
		now, err := s.client.CoreV1().Pods(s.namespace).Get(s.ctx(), pod.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return true
		}
		require.NoError(s.t, err)
		return now.UID != pod.UID
	})
}

func evictionPrecondition(s *suite) {
	s.running(1)
	pod := s.pods()[0]
	err := s.evict(pod.Name, &metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions("another")})
	require.True(s.t, apierrors.IsConflict(err), "%v", err)
	err = s.evict("absent", nil)
	require.True(s.t, apierrors.IsNotFound(err), "%v", err)
	require.NoError(s.t, s.evict(pod.Name, &metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(pod.UID))}))
	s.awaitGone(pod)
}

func rollbackReuses(s *suite) {
	s.running(2)
	sets := s.client.AppsV1().ReplicaSets(s.namespace)
	first, err := sets.List(s.ctx(), metav1.ListOptions{})
	require.NoError(s.t, err)
	require.Len(s.t, first.Items, 1)
	image := func(tag string) {
		_, err := s.patch(types.StrategicMergePatchType, `{"spec":{"template":{"spec":{"containers":[{"name":"app","image":"registry.example/web:`+tag+`"}]}}}}`, metav1.PatchOptions{})
		require.NoError(s.t, err)
		s.awaitRollout("web")
	}
	image("v2")
	image("v1")
	now, err := sets.List(s.ctx(), metav1.ListOptions{})
	require.NoError(s.t, err)
	require.Len(s.t, now.Items, 2)
	again, err := sets.Get(s.ctx(), first.Items[0].Name, metav1.GetOptions{})
	require.NoError(s.t, err)
	require.Equal(s.t, first.Items[0].UID, again.UID)
	require.Equal(s.t, "3", again.Annotations["deployment.kubernetes.io/revision"])
	require.EqualValues(s.t, 2, *again.Spec.Replicas)
	require.Equal(s.t, "3", s.get("web").Annotations["deployment.kubernetes.io/revision"])
}

func garbageCollection(s *suite) {
	owner := s.configMap("owner", nil, nil)
	for name, uid := range map[string]types.UID{"dependent": owner.UID, "stranger": ""} {
		c := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}}
		if uid != "" {
			c.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: owner.Name, UID: uid}}
		}
		_, err := s.client.CoreV1().ConfigMaps(s.namespace).Create(s.ctx(), c, metav1.CreateOptions{})
		require.NoError(s.t, err)
	}
	background := metav1.DeletePropagationBackground
	require.NoError(s.t, s.client.CoreV1().ConfigMaps(s.namespace).Delete(s.ctx(), owner.Name, metav1.DeleteOptions{PropagationPolicy: &background}))
	s.await("the dependent goes", func() bool {
		_, err := s.client.CoreV1().ConfigMaps(s.namespace).Get(s.ctx(), "dependent", metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})
	_, err := s.client.CoreV1().ConfigMaps(s.namespace).Get(s.ctx(), "stranger", metav1.GetOptions{})
	require.NoError(s.t, err)
}

func validation(s *suite) {
	d := s.idle()
	for _, refused := range []struct{ patch, field string }{
		{`{"spec":{"replicas":-1}}`, "spec.replicas"},
		{`{"spec":{"selector":{"matchLabels":{"more":"x"}},"template":{"metadata":{"labels":{"more":"x"}}}}}`, "spec.selector"},
		{`{"spec":{"template":{"metadata":{"labels":{"app":"other"}}}}}`, "spec.template.metadata.labels"},
		{`{"spec":{"template":{"spec":{"containers":[{"name":"app","resources":{"requests":{"memory":"2Mi"},"limits":{"memory":"1Mi"}}}]}}}}`, "requests"},
	} {
		_, err := s.patch(types.StrategicMergePatchType, refused.patch, metav1.PatchOptions{})
		require.True(s.t, apierrors.IsInvalid(err), "%s: %v", refused.patch, err)
		require.Contains(s.t, causes(err), refused.field)
	}
	require.Equal(s.t, d, s.get(d.Name))
	_, err := s.client.CoreV1().ConfigMaps(s.namespace).Create(s.ctx(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "No_Name"}}, metav1.CreateOptions{})
	require.True(s.t, apierrors.IsInvalid(err), "%v", err)
	require.Contains(s.t, causes(err), "metadata.name")
	s.autoscalerBounds()
}

func causes(err error) string {
	var fields []string
	for _, cause := range err.(apierrors.APIStatus).Status().Details.Causes {
		fields = append(fields, cause.Field)
	}
	return strings.Join(fields, " ")
}

func namespaceMustExist(s *suite) {
	_, err := s.client.CoreV1().ConfigMaps(s.namespace+"-absent").Create(s.ctx(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "c"}}, metav1.CreateOptions{})
	require.True(s.t, apierrors.IsNotFound(err), "%v", err)
}
