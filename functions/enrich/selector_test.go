package function

import (
	"testing"

	"github.com/stretchr/testify/require"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/shared/event"
)

// The API tells a selector that is absent from one that is empty, and so do we: to
// take the one for the other lays a whole namespace's troubles to one object.
func TestWhichPodsABudgetSelects(t *testing.T) {
	tests := []struct {
		name     string
		selector *metav1.LabelSelector
		want     []string
	}{
		{"none without a selector", nil, nil},
		{"all of its namespace by an empty selector", &metav1.LabelSelector{},
			[]string{"agent-zzzzz", "bare", "cart-b2-aaaaa", "cart-c3-bbbbb", "cart-canary-x1-ccccc", "db-0", "db-1", "report-1-ddddd"}},
		{"those with its labels", &metav1.LabelSelector{MatchLabels: map[string]string{"app": "db"}}, []string{"db-0", "db-1"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			budget := &policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Name: "some", Namespace: "shop"},
				Spec: policyv1.PodDisruptionBudgetSpec{Selector: test.selector}}
			got, err := newWorld(t, budget).enricher.enrich(t.Context(), about(shop(kindBudget, "some")))
			require.NoError(t, err)
			require.ElementsMatch(t, test.want, names(got.Pods))
			require.Empty(t, got.Unavailable)
		})
	}
}

func names(pods []event.Pod) []string {
	var out []string
	for _, p := range pods {
		out = append(out, p.Name)
	}
	return out
}
