package simulationtest

import (
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/cache"
)

func (s *suite) autoscalerBounds() {
	_, err := s.client.AutoscalingV2().HorizontalPodAutoscalers(s.namespace).Create(s.ctx(), &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "web"},
			MinReplicas:    ptr(int32(5)), MaxReplicas: 3,
		},
	}, metav1.CreateOptions{})
	require.True(s.t, apierrors.IsInvalid(err), "%v", err)
	require.Contains(s.t, causes(err), "spec.maxReplicas")
}

func metadataOnly(s *suite) {
	d := s.idle()
	client, err := metadata.NewForConfig(s.config)
	require.NoError(s.t, err)
	api := client.Resource(appsv1.SchemeGroupVersion.WithResource("deployments")).Namespace(s.namespace)
	one, err := api.Get(s.ctx(), d.Name, metav1.GetOptions{})
	require.NoError(s.t, err)
	require.Equal(s.t, d.UID, one.UID)
	raw, err := s.client.AppsV1().RESTClient().Get().Namespace(s.namespace).Resource("deployments").Name(d.Name).
		SetHeader("Accept", "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io").DoRaw(s.ctx())
	require.NoError(s.t, err)
	require.Contains(s.t, string(raw), `"kind":"PartialObjectMetadata"`)
	require.NotContains(s.t, string(raw), `"spec"`)
	all, err := api.List(s.ctx(), metav1.ListOptions{})
	require.NoError(s.t, err)
	require.Len(s.t, all.Items, 1)
	require.Equal(s.t, d.Name, all.Items[0].Name)
	_, err = api.Get(s.ctx(), "absent", metav1.GetOptions{})
	require.True(s.t, apierrors.IsNotFound(err), "%v", err)
}

func selectors(s *suite) {
	s.configMap("a", nil, map[string]string{"tier": "one"})
	s.configMap("b", nil, map[string]string{"tier": "two"})
	names := func(options metav1.ListOptions) (out []string) {
		found, err := s.client.CoreV1().ConfigMaps(s.namespace).List(s.ctx(), options)
		require.NoError(s.t, err)
		for _, c := range found.Items {
			if _, ours := c.Labels["tier"]; ours {
				out = append(out, c.Name)
			}
		}
		return out
	}
	require.Equal(s.t, []string{"a", "b"}, names(metav1.ListOptions{}))
	require.Equal(s.t, []string{"a"}, names(metav1.ListOptions{LabelSelector: "tier=one"}))
	require.Equal(s.t, []string{"b"}, names(metav1.ListOptions{LabelSelector: "tier in (two,three)"}))
	require.Equal(s.t, []string{"b"}, names(metav1.ListOptions{FieldSelector: "metadata.name=b"}))
	_, err := s.client.CoreV1().ConfigMaps(s.namespace).List(s.ctx(), metav1.ListOptions{FieldSelector: "data.a=b"})
	require.True(s.t, apierrors.IsBadRequest(err), "%v", err)
}

// expect reads the next event of a watch.
func (s *suite) expect(w watch.Interface, kind watch.EventType) *corev1.ConfigMap {
	s.t.Helper()
	select {
	case event, open := <-w.ResultChan():
		require.True(s.t, open, "the watch ended")
		require.Equal(s.t, kind, event.Type, "%v", event.Object)
		return event.Object.(*corev1.ConfigMap)
	case <-s.ctx().Done():
		require.Fail(s.t, "no event before the test's end")
		return nil
	}
}

func watchSeesChanges(s *suite) {
	api := s.client.CoreV1().ConfigMaps(s.namespace)
	c := s.configMap("c", map[string]string{"a": "1"}, nil)
	w, err := api.Watch(s.ctx(), metav1.ListOptions{ResourceVersion: c.ResourceVersion, FieldSelector: "metadata.name=c"})
	require.NoError(s.t, err)
	defer w.Stop()
	c.Data["a"] = "2"
	changed, err := api.Update(s.ctx(), c, metav1.UpdateOptions{})
	require.NoError(s.t, err)
	require.NoError(s.t, api.Delete(s.ctx(), c.Name, metav1.DeleteOptions{}))
	seen := s.expect(w, watch.Modified)
	require.Equal(s.t, "2", seen.Data["a"])
	require.Equal(s.t, changed.ResourceVersion, seen.ResourceVersion)
	require.Equal(s.t, changed.UID, s.expect(w, watch.Deleted).UID)
}

func watchSelectorLeave(s *suite) {
	api := s.client.CoreV1().ConfigMaps(s.namespace)
	c := s.configMap("c", nil, map[string]string{"tier": "one"})
	w, err := api.Watch(s.ctx(), metav1.ListOptions{LabelSelector: "tier=one"})
	require.NoError(s.t, err)
	defer w.Stop()
	s.expect(w, watch.Added)
	c.Labels["tier"] = "two"
	_, err = api.Update(s.ctx(), c, metav1.UpdateOptions{})
	require.NoError(s.t, err)
	s.expect(w, watch.Deleted)
}

func informerFollows(s *suite) {
	factory := informers.NewSharedInformerFactoryWithOptions(s.client, 0, informers.WithNamespace(s.namespace))
	lister := factory.Core().V1().ConfigMaps().Lister().ConfigMaps(s.namespace)
	informer := factory.Core().V1().ConfigMaps().Informer()
	s.configMap("before", nil, nil)
	factory.Start(s.ctx().Done())
	require.True(s.t, cache.WaitForCacheSync(s.ctx().Done(), informer.HasSynced))
	_, err := lister.Get("before")
	require.NoError(s.t, err)
	s.configMap("after", nil, nil)
	s.await("the informer follows", func() bool {
		_, err := lister.Get("after")
		return err == nil
	})
}

func discovery(s *suite) {
	groups, err := restmapper.GetAPIGroupResources(s.client.Discovery())
	require.NoError(s.t, err)
	mapper := restmapper.NewDiscoveryRESTMapper(groups)
	for resource, want := range map[schema.GroupVersionResource]meta.RESTScopeName{
		{Group: "apps", Resource: "deployments"}:                     meta.RESTScopeNameNamespace,
		{Resource: "nodes"}:                                          meta.RESTScopeNameRoot,
		{Group: "autoscaling", Resource: "horizontalpodautoscalers"}: meta.RESTScopeNameNamespace,
		{Group: "policy", Resource: "poddisruptionbudgets"}:          meta.RESTScopeNameNamespace,
		{Group: "batch", Version: "v1", Resource: "jobs"}:            meta.RESTScopeNameNamespace,
		{Group: "networking.k8s.io", Resource: "networkpolicies"}:    meta.RESTScopeNameNamespace,
	} {
		kind, err := mapper.KindFor(resource)
		require.NoError(s.t, err, resource)
		mapping, err := mapper.RESTMapping(kind.GroupKind(), kind.Version)
		require.NoError(s.t, err, resource)
		require.Equal(s.t, want, mapping.Scope.Name(), resource)
	}
	version, err := s.client.Discovery().ServerVersion()
	require.NoError(s.t, err)
	require.Equal(s.t, "1", version.Major)
}
