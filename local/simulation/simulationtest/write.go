package simulationtest

import (
	"fmt"

	"github.com/stretchr/testify/require"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

var dryRun = []string{metav1.DryRunAll}

func dryRunChangesNothing(s *suite) {
	d, api := s.idle(), s.client.AppsV1().Deployments(s.namespace)
	var three int32 = 3

	wanted := d.DeepCopy()
	wanted.Spec.Replicas = &three
	got, err := api.Update(s.ctx(), wanted, metav1.UpdateOptions{DryRun: dryRun})
	require.NoError(s.t, err)
	require.EqualValues(s.t, 3, *got.Spec.Replicas)
	require.Equal(s.t, d.Generation+1, got.Generation)

	got, err = s.patch(types.MergePatchType, `{"spec":{"replicas":3}}`, metav1.PatchOptions{DryRun: dryRun})
	require.NoError(s.t, err)
	require.EqualValues(s.t, 3, *got.Spec.Replicas)

	scale := &autoscalingv1.Scale{ObjectMeta: metav1.ObjectMeta{Name: d.Name, Namespace: d.Namespace}, Spec: autoscalingv1.ScaleSpec{Replicas: 3}}
	scaled, err := api.UpdateScale(s.ctx(), d.Name, scale, metav1.UpdateOptions{DryRun: dryRun})
	require.NoError(s.t, err)
	require.EqualValues(s.t, 3, scaled.Spec.Replicas)

	require.NoError(s.t, api.Delete(s.ctx(), d.Name, metav1.DeleteOptions{DryRun: dryRun}))
	_, err = api.Create(s.ctx(), deployment("other", 1), metav1.CreateOptions{DryRun: dryRun})
	require.NoError(s.t, err)
	_, err = api.Get(s.ctx(), "other", metav1.GetOptions{})
	require.True(s.t, apierrors.IsNotFound(err))

	require.Equal(s.t, d, s.get(d.Name))
}

func staleUpdateConflicts(s *suite) {
	old := s.configMap("c", map[string]string{"a": "1"}, nil)
	api := s.client.CoreV1().ConfigMaps(s.namespace)
	first := old.DeepCopy()
	first.Data["a"] = "2"
	_, err := api.Update(s.ctx(), first, metav1.UpdateOptions{})
	require.NoError(s.t, err)

	second := old.DeepCopy()
	second.Data["a"] = "3"
	_, err = api.Update(s.ctx(), second, metav1.UpdateOptions{})
	require.True(s.t, apierrors.IsConflict(err), "%v", err)
	second.ResourceVersion = ""
	_, err = api.Update(s.ctx(), second, metav1.UpdateOptions{})
	require.NoError(s.t, err, "without a resourceVersion the update is unconditional")
}

func stalePatchConflicts(s *suite) {
	d := s.idle()
	_, err := s.patch(types.MergePatchType, `{"metadata":{"annotations":{"a":"1"}}}`, metav1.PatchOptions{})
	require.NoError(s.t, err)
	for _, kind := range []types.PatchType{types.MergePatchType, types.StrategicMergePatchType} {
		_, err = s.patch(kind, fmt.Sprintf(`{"metadata":{"resourceVersion":%q,"annotations":{"a":"2"}}}`, d.ResourceVersion), metav1.PatchOptions{})
		require.True(s.t, apierrors.IsConflict(err), "%v", err)
	}
	require.Equal(s.t, "1", s.get(d.Name).Annotations["a"])
}

func foreignUIDConflicts(s *suite) {
	c := s.configMap("c", nil, nil)
	c.UID = "00000000-0000-0000-0000-000000000000"
	c.Data = map[string]string{"a": "1"}
	_, err := s.client.CoreV1().ConfigMaps(s.namespace).Update(s.ctx(), c, metav1.UpdateOptions{})
	require.True(s.t, apierrors.IsConflict(err), "%v", err)
}

func emptyWriteKeepsVersion(s *suite) {
	d := s.idle()
	got, err := s.patch(types.MergePatchType, `{"spec":{"replicas":0}}`, metav1.PatchOptions{})
	require.NoError(s.t, err)
	require.Equal(s.t, d.ResourceVersion, got.ResourceVersion)
}

func failedPatchTest(s *suite) {
	d := s.idle()
	_, err := s.patch(types.JSONPatchType, `[{"op":"replace","path":"/spec/replicas","value":2},{"op":"test","path":"/metadata/uid","value":"another"}]`, metav1.PatchOptions{})
	require.True(s.t, apierrors.IsInvalid(err), "%v", err)
	require.EqualValues(s.t, 422, err.(apierrors.APIStatus).Status().Code)
	require.Equal(s.t, d, s.get(d.Name))
	_, err = s.patch(types.JSONPatchType, `{"not":"a list"}`, metav1.PatchOptions{})
	require.True(s.t, apierrors.IsBadRequest(err), "%v", err)
}

func heldPatchTest(s *suite) {
	d := s.idle()
	got, err := s.patch(types.JSONPatchType, fmt.Sprintf(`[
		{"op":"test","path":"/metadata/uid","value":%q},
		{"op":"test","path":"/spec/replicas","value":0},
		{"op":"add","path":"/metadata/annotations/kubernaut.ai~1applied","value":"r/1"},
		{"op":"replace","path":"/spec/revisionHistoryLimit","value":5}]`, d.UID), metav1.PatchOptions{FieldManager: "kubernaut"})
	require.NoError(s.t, err)
	require.Equal(s.t, "r/1", got.Annotations["kubernaut.ai/applied"])
	require.EqualValues(s.t, 5, *got.Spec.RevisionHistoryLimit)
	require.NotEqual(s.t, d.ResourceVersion, got.ResourceVersion)
	require.Equal(s.t, d.UID, got.UID)
	var managers []string
	for _, entry := range got.ManagedFields {
		managers = append(managers, entry.Manager)
	}
	require.Contains(s.t, managers, "kubernaut")
	require.Contains(s.t, managers, manager, "without a field manager it is the user agent's first word")
}

func unknownPatchType(s *suite) {
	s.idle()
	_, err := s.patch("application/unknown+json", `{}`, metav1.PatchOptions{})
	require.True(s.t, apierrors.IsUnsupportedMediaType(err), "%v", err)
}

func serverSideApply(s *suite) {
	apply := func(data string) (*corev1.ConfigMap, error) {
		body := `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},"data":` + data + `}`
		return s.client.CoreV1().ConfigMaps(s.namespace).Patch(s.ctx(), "c", types.ApplyPatchType, []byte(body), metav1.PatchOptions{FieldManager: "kubernaut"})
	}
	created, err := apply(`{"a":"1"}`)
	require.NoError(s.t, err)
	require.Equal(s.t, "1", created.Data["a"])
	merged, err := apply(`{"a":"2"}`)
	require.NoError(s.t, err)
	require.Equal(s.t, "2", merged.Data["a"])
	require.Equal(s.t, created.UID, merged.UID)
	require.Len(s.t, merged.ManagedFields, 1)
	require.Equal(s.t, "kubernaut", merged.ManagedFields[0].Manager)
	require.Equal(s.t, metav1.ManagedFieldsOperationApply, merged.ManagedFields[0].Operation)
}

func generationOnSpecOnly(s *suite) {
	d := s.idle()
	got, err := s.patch(types.MergePatchType, `{"metadata":{"labels":{"b":"2"}}}`, metav1.PatchOptions{})
	require.NoError(s.t, err)
	require.Equal(s.t, d.Generation, got.Generation)
	// Deployments alone count these too: their controller copies them to ReplicaSets.
	got, err = s.patch(types.MergePatchType, `{"metadata":{"annotations":{"a":"1"}}}`, metav1.PatchOptions{})
	require.NoError(s.t, err)
	d.Generation++
	require.Equal(s.t, d.Generation, got.Generation)
	got, err = s.patch(types.MergePatchType, `{"spec":{"minReadySeconds":1}}`, metav1.PatchOptions{})
	require.NoError(s.t, err)
	require.Equal(s.t, d.Generation+1, got.Generation)
	got, err = s.patch(types.MergePatchType, `{"metadata":{"generation":99}}`, metav1.PatchOptions{})
	require.NoError(s.t, err)
	require.Equal(s.t, d.Generation+1, got.Generation)
}

func statusSubresource(s *suite) {
	d := s.idle()
	_, err := s.patch(types.MergePatchType, `{"status":{"collisionCount":7}}`, metav1.PatchOptions{})
	require.NoError(s.t, err)
	require.NotEqual(s.t, ptr(int32(7)), s.get(d.Name).Status.CollisionCount, "the main resource leaves the status alone")
	got, err := s.patch(types.MergePatchType, `{"status":{"collisionCount":7},"spec":{"replicas":4}}`, metav1.PatchOptions{}, "status")
	require.NoError(s.t, err)
	require.Equal(s.t, ptr(int32(7)), got.Status.CollisionCount)
	require.Zero(s.t, *got.Spec.Replicas)
	require.Equal(s.t, d.Generation, got.Generation)
}

func ptr[T any](value T) *T { return &value }

func scaleSubresource(s *suite) {
	d, api := s.idle(), s.client.AppsV1().Deployments(s.namespace)
	scale, err := api.GetScale(s.ctx(), d.Name, metav1.GetOptions{})
	require.NoError(s.t, err)
	require.Zero(s.t, scale.Spec.Replicas)
	require.Equal(s.t, d.UID, scale.UID)
	require.Equal(s.t, "app=web", scale.Status.Selector)
	scale.Spec.Replicas = 1
	scale, err = api.UpdateScale(s.ctx(), d.Name, scale, metav1.UpdateOptions{})
	require.NoError(s.t, err)
	require.EqualValues(s.t, 1, scale.Spec.Replicas)
	got := s.get(d.Name)
	require.EqualValues(s.t, 1, *got.Spec.Replicas)
	require.Equal(s.t, d.Generation+1, got.Generation)
	_, err = s.patch(types.MergePatchType, `{"spec":{"replicas":0}}`, metav1.PatchOptions{}, "scale")
	require.NoError(s.t, err)
	require.Zero(s.t, *s.get(d.Name).Spec.Replicas)
}

func scaleGuards(s *suite) {
	d, api := s.idle(), s.client.AppsV1().Deployments(s.namespace)
	_, err := s.patch(types.MergePatchType, `{"metadata":{"annotations":{"a":"1"}}}`, metav1.PatchOptions{})
	require.NoError(s.t, err)
	stale := &autoscalingv1.Scale{
		ObjectMeta: metav1.ObjectMeta{Name: d.Name, Namespace: d.Namespace, ResourceVersion: d.ResourceVersion}, Spec: autoscalingv1.ScaleSpec{Replicas: 2},
	}
	_, err = api.UpdateScale(s.ctx(), d.Name, stale, metav1.UpdateOptions{})
	require.True(s.t, apierrors.IsConflict(err), "%v", err)
	_, err = s.patch(types.JSONPatchType, `[{"op":"test","path":"/spec/replicas","value":9},{"op":"replace","path":"/spec/replicas","value":2}]`, metav1.PatchOptions{}, "scale")
	require.True(s.t, apierrors.IsInvalid(err), "%v", err)
	stale.ResourceVersion, stale.Spec.Replicas = "", -1
	_, err = api.UpdateScale(s.ctx(), d.Name, stale, metav1.UpdateOptions{})
	require.True(s.t, apierrors.IsInvalid(err), "%v", err)
	require.Zero(s.t, *s.get(d.Name).Spec.Replicas)
}

func deletePreconditions(s *suite) {
	c, api := s.configMap("c", nil, nil), s.client.CoreV1().ConfigMaps(s.namespace)
	err := api.Delete(s.ctx(), c.Name, metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions("another")})
	require.True(s.t, apierrors.IsConflict(err), "%v", err)
	err = api.Delete(s.ctx(), c.Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{ResourceVersion: ptr("1")}})
	require.True(s.t, apierrors.IsConflict(err), "%v", err)
	_, err = api.Get(s.ctx(), c.Name, metav1.GetOptions{})
	require.NoError(s.t, err)
	require.NoError(s.t, api.Delete(s.ctx(), c.Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &c.UID, ResourceVersion: &c.ResourceVersion}}))
	err = api.Delete(s.ctx(), c.Name, metav1.DeleteOptions{})
	require.True(s.t, apierrors.IsNotFound(err), "%v", err)
}
