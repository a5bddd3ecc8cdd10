package function

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"kubernaut.ai/functions/execute/reading"
	"kubernaut.ai/shared/event"
)

func TestAnEventIsOfTheObjectThatItNamesAndOfNoNamesake(t *testing.T) {
	told := func(name, apiVersion, kind, object string) *corev1.Event {
		return &corev1.Event{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}, Type: corev1.EventTypeWarning, Reason: name,
			InvolvedObject: corev1.ObjectReference{APIVersion: apiVersion, Kind: kind, Namespace: "shop", Name: object}}
	}
	kube := fake.NewClientset(
		told("of-flux", "kustomize.toolkit.fluxcd.io/v1", "Kustomization", "cart"),
		told("of-another-group", "kustomize.config.k8s.io/v1beta1", "Kustomization", "cart"),
		told("of-deployment", "apps/v1", "Deployment", "cart"),
		told("of-pod", "v1", "Pod", "cart"),
		told("of-pod-without-version", "", "Pod", "cart"),
		told("of-another-pod", "v1", "Pod", "cart-2"))
	for _, test := range []struct {
		kind string
		want []string
	}{
		{"Kustomization.kustomize.toolkit.fluxcd.io", []string{"of-flux"}},
		{"Kustomization", []string{"of-another-group"}},
		{"Deployment", []string{"of-deployment"}},
		{"Pod", []string{"of-pod", "of-pod-without-version"}},
	} {
		t.Run(test.kind, func(t *testing.T) {
			found, err := collectDiagnostics{reading.Of(kube)}.eventsOf(t.Context(), event.Target{Kind: test.kind, Namespace: "shop", Name: "cart"})
			require.NoError(t, err)
			var names []string
			for _, e := range found {
				names = append(names, e.Name)
			}
			require.ElementsMatch(t, test.want, names)
		})
	}
}
