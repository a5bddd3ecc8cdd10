package function

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/shared/event"
)

// Who lays a fault to a rollout must know which revision's pod shows it.
func TestAPodTellsWhichRevisionMadeIt(t *testing.T) {
	unlabelled := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "db-2", Namespace: "shop", Labels: map[string]string{"app": "db"},
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "StatefulSet", Name: "db", UID: "sts-db", Controller: new(true)}}}}
	tests := []struct {
		name            string
		target          event.Target
		pod             string
		owner, revision string
	}{
		{"a Deployment's by its ReplicaSet", shop(kindDeployment, "cart"), "cart-b2-aaaaa", "ReplicaSet/cart-b2", ""},
		{"a StatefulSet's by the name that its label holds", shop(kindStatefulSet, "db"), "db-0", "StatefulSet/db", "db-1"},
		{"a StatefulSet's next one by another name", shop(kindStatefulSet, "db"), "db-1", "StatefulSet/db", "db-2"},
		{"a DaemonSet's by the hash that its label holds", shop(kindDaemonSet, "agent"), "agent-zzzzz", "DaemonSet/agent", "agent-h1"},
		{"one without the label by nothing", shop(kindStatefulSet, "db"), "db-2", "StatefulSet/db", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := newWorld(t, unlabelled).enricher.enrich(t.Context(), about(test.target))
			require.NoError(t, err)
			p := podNamed(t, got, test.pod)
			require.Equal(t, test.owner, p.Owner)
			require.Equal(t, test.revision, p.Revision)
		})
	}
	t.Run("none where the revisions cannot be read", func(t *testing.T) {
		w := newWorld(t)
		w.fail("list", "controllerrevisions", forbidden)
		got, err := w.enricher.enrich(t.Context(), about(shop(kindStatefulSet, "db")))
		require.NoError(t, err)
		require.Empty(t, podNamed(t, got, "db-0").Revision)
	})
}

func podNamed(t *testing.T, c event.Context, name string) event.Pod {
	t.Helper()
	for _, p := range c.Pods {
		if p.Name == name {
			return p
		}
	}
	require.Fail(t, "the context has no such pod", name)
	return event.Pod{}
}
