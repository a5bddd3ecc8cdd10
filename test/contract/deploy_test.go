package contract

import (
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	eventingv1alpha1 "knative.dev/eventing/pkg/apis/eventing/v1alpha1"
	"knative.dev/eventing/pkg/apis/eventing/v1beta3"
	"knative.dev/eventing/pkg/apis/feature"
	sourcesv1 "knative.dev/eventing/pkg/apis/sources/v1"
	"knative.dev/pkg/apis"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/stage"
)

const namespace = stage.DefaultNamespace

// overlays are what users apply.
var overlays = []string{"dev", "production", "external"}

// known makes an empty object of each kind that deploy/ may hold. A kind that
// is not here is a decision to take, not an oversight to pass.
var known = map[string]func() any{
	"v1/Namespace":                                    func() any { return new(corev1.Namespace) },
	"v1/ServiceAccount":                               func() any { return new(corev1.ServiceAccount) },
	"v1/ConfigMap":                                    func() any { return new(corev1.ConfigMap) },
	"v1/Service":                                      func() any { return new(corev1.Service) },
	"apps/v1/StatefulSet":                             func() any { return new(appsv1.StatefulSet) },
	"policy/v1/PodDisruptionBudget":                   func() any { return new(policyv1.PodDisruptionBudget) },
	"networking.k8s.io/v1/NetworkPolicy":              func() any { return new(networkingv1.NetworkPolicy) },
	"rbac.authorization.k8s.io/v1/ClusterRole":        func() any { return new(rbacv1.ClusterRole) },
	"rbac.authorization.k8s.io/v1/ClusterRoleBinding": func() any { return new(rbacv1.ClusterRoleBinding) },
	"eventing.knative.dev/v1/Broker":                  func() any { return new(eventingv1.Broker) },
	"eventing.knative.dev/v1/Trigger":                 func() any { return new(eventingv1.Trigger) },
	"eventing.knative.dev/v1beta3/EventType":          func() any { return new(v1beta3.EventType) },
	"eventing.knative.dev/v1alpha1/EventPolicy":       func() any { return new(eventingv1alpha1.EventPolicy) },
	"sources.knative.dev/v1/PingSource":               func() any { return new(sourcesv1.PingSource) },
	"sources.knative.dev/v1/ApiServerSource":          func() any { return new(sourcesv1.ApiServerSource) },
}

// clusterScoped are the kinds without a namespace.
var clusterScoped = []string{"Namespace", "ClusterRole", "ClusterRoleBinding"}

// built is what one folder of deploy/ makes, by kind and name.
type built map[string]any

var (
	buildsMutex sync.Mutex
	builds      = map[string]built{}
)

// build runs kustomize over a folder of deploy/, as kubectl apply -k does, and
// decodes every object strictly. Kustomize is not safe for parallel use.
func build(t *testing.T, folder string) built {
	t.Helper()
	return buildAt(t, filepath.Join(root, "deploy", folder))
}

func buildAt(t *testing.T, folder string) built {
	t.Helper()
	buildsMutex.Lock()
	defer buildsMutex.Unlock()
	if b, done := builds[folder]; done {
		return b
	}
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	require.NoError(t, err)
	b := built{}
	for _, r := range resources.Resources() {
		text, err := r.AsYAML()
		require.NoError(t, err)
		var head struct {
			metav1.TypeMeta   `json:",inline"`
			metav1.ObjectMeta `json:"metadata"`
		}
		require.NoError(t, yaml.Unmarshal(text, &head))
		make, ok := known[head.APIVersion+"/"+head.Kind]
		require.True(t, ok, "%s: deploy/ holds no %s %s until this test knows the kind", folder, head.APIVersion, head.Kind)
		o := make()
		require.NoError(t, yaml.UnmarshalStrict(text, o), "%s: %s %s", folder, head.Kind, head.Name)
		key := head.Kind + "/" + head.Name
		require.NotContains(t, b, key, "%s: twice", folder)
		b[key] = o
	}
	builds[folder] = b
	return b
}

func overlay(t *testing.T, name string) built {
	t.Helper()
	return build(t, filepath.Join("overlays", name))
}

// all are the objects of a type, by name.
func all[T any](b built) map[string]*T {
	out := map[string]*T{}
	for _, o := range b {
		if typed, ok := o.(*T); ok {
			out[any(typed).(metav1.Object).GetName()] = typed
		}
	}
	return out
}

func TestEveryOverlayBuildsAndIsWhollyInOneNamespace(t *testing.T) {
	for _, name := range overlays {
		t.Run(name, func(t *testing.T) {
			b := overlay(t, name)
			require.Contains(t, b, "Namespace/"+namespace)
			for key, o := range b {
				object := o.(metav1.Object)
				require.Equal(t, "kubernaut", object.GetLabels()["app.kubernetes.io/part-of"], "%s has no label", key)
				if kind, _, _ := strings.Cut(key, "/"); slices.Contains(clusterScoped, kind) {
					require.Empty(t, object.GetNamespace(), key)
					continue
				}
				require.Equal(t, namespace, object.GetNamespace(), key)
			}
		})
	}
}

// TestKnativeTakesEveryObject runs the defaulting and validation of Knative's
// own webhook.
func TestKnativeTakesEveryObject(t *testing.T) {
	ctx := apis.WithinCreate(feature.ToContext(t.Context(), feature.Flags{
		feature.OIDCAuthentication: feature.Enabled, feature.DeliveryTimeout: feature.Enabled}))
	folders := []string{"components/event-policy"}
	for _, name := range overlays {
		folders = append(folders, filepath.Join("overlays", name))
	}
	all := []built{withEvents(t)}
	for _, folder := range folders {
		all = append(all, build(t, folder))
	}
	for i, b := range all {
		for key, o := range b {
			if d, ok := o.(apis.Defaultable); ok {
				d.SetDefaults(ctx)
			}
			if v, ok := o.(apis.Validatable); ok {
				require.Nil(t, v.Validate(ctx), "%s: %s", append([]string{"components/kubernetes-events"}, folders...)[i], key)
			}
		}
	}
}

func TestEveryTriggerIsDeployed(t *testing.T) {
	for _, name := range overlays {
		deployed := all[eventingv1.Trigger](overlay(t, name))
		for file, tr := range triggers(t) {
			require.Contains(t, deployed, tr.Name, "triggers/Kustomization does not list %s", file)
		}
	}
}

// TestEveryPublisherAndEveryReplyMayReachTheBroker holds the policies for
// clusters with OIDC to the catalogue.
func TestEveryPublisherAndEveryReplyMayReachTheBroker(t *testing.T) {
	policies := all[eventingv1alpha1.EventPolicy](build(t, "components/event-policy"))
	var replies, publishers []string
	for _, from := range policies["kubernaut-replies"].Spec.From {
		replies = append(replies, from.Ref.Name)
	}
	for _, from := range policies["kubernaut-publishers"].Spec.From {
		publishers = append(publishers, strings.TrimPrefix(*from.Sub, "system:serviceaccount:"+namespace+":"))
	}
	var answering []string
	for _, tr := range triggers(t) {
		produces := func(e event.Entry) bool { return e.Produces(tr.Spec.Subscriber.Ref.Name) }
		if slices.ContainsFunc(event.Catalogue(), produces) {
			answering = append(answering, tr.Name)
		}
	}
	require.ElementsMatch(t, answering, replies)
	var sending []string
	for _, name := range functionNames(t) {
		if _, ok := functionOf(t, name).envs()[stage.EnvSink]; ok {
			sending = append(sending, name)
		}
	}
	require.ElementsMatch(t, sending, publishers)
}

func TestTheBrokerIsOfTheOverlaysClassAndPublishersKnowItsAddress(t *testing.T) {
	for name, want := range map[string]struct{ class, config, sink string }{
		"dev":        {"MTChannelBasedBroker", "config-br-default-channel", "http://broker-ingress.knative-eventing.svc.cluster.local/kubernaut-system/kubernaut"},
		"external":   {"MTChannelBasedBroker", "config-br-default-channel", "http://broker-ingress.knative-eventing.svc.cluster.local/kubernaut-system/kubernaut"},
		"production": {"Kafka", "kafka-broker-config", "http://kafka-broker-ingress.knative-eventing.svc.cluster.local/kubernaut-system/kubernaut"},
	} {
		t.Run(name, func(t *testing.T) {
			b := overlay(t, name)
			broker := all[eventingv1.Broker](b)["kubernaut"]
			require.Equal(t, want.class, broker.Annotations["eventing.knative.dev/broker.class"])
			require.Equal(t, want.config, broker.Spec.Config.Name)
			require.Equal(t, want.class == "MTChannelBasedBroker", broker.Annotations["messaging.knative.dev/async-handler"] == "true",
				"without it the in-memory channel is synchronous")
			require.Equal(t, "deadletter", broker.Spec.Delivery.DeadLetterSink.Ref.Name)
			require.Equal(t, want.sink, all[corev1.ConfigMap](b)["kubernaut"].Data["sink"])
		})
	}
}
