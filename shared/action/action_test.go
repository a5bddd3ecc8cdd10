package action_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/action"
)

func TestParametersAreValidated(t *testing.T) {
	cases := []struct {
		name       string
		action     action.Name
		parameters map[string]any
		refused    string
	}{
		{"replicas within bounds are taken", action.ScaleDeployment, map[string]any{"replicas": 3}, ""},
		{"a JSON number is taken as an integer", action.ScaleDeployment, map[string]any{"replicas": 3.0}, ""},
		{"replicas that are missing are named", action.ScaleDeployment, nil, "replicas"},
		{"negative replicas are refused", action.ScaleDeployment, map[string]any{"replicas": -1}, "/replicas"},
		{"half a replica is refused", action.ScaleDeployment, map[string]any{"replicas": 1.5}, "/replicas"},
		{"a parameter that nobody declared is refused", action.ScaleDeployment, map[string]any{"replicas": 3, "force": true}, "force"},
		{"a quantity is taken", action.IncreaseResources, map[string]any{"container": "app", "memory": "192Mi"}, ""},
		{"a quantity with a command in it is refused", action.IncreaseResources, map[string]any{"memory": "1Gi; rm -rf /"}, "/memory"},
		{"a negative quantity is refused", action.IncreaseResources, map[string]any{"cpu": "-1"}, "/cpu"},
		{"a factor that lowers is refused", action.IncreaseResources, map[string]any{"factor": 0.5}, "/factor"},
		{"a rollback without a revision is the one before", action.RollbackDeployment, map[string]any{}, ""},
		{"revision zero is refused", action.RollbackDeployment, map[string]any{"revision": 0}, "/revision"},
		{"what takes no parameters takes none", action.CordonNode, map[string]any{"node": "a"}, "node"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a, ok := action.Lookup(c.action)
			require.True(t, ok)
			err := a.Validate(c.parameters)
			if c.refused == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, action.ErrInvalid)
			require.ErrorContains(t, err, c.refused)
		})
	}
}

func TestEveryActionIsWhole(t *testing.T) {
	for _, a := range action.All() {
		t.Run(a.Name, func(t *testing.T) {
			require.NotEmpty(t, a.Summary)
			require.NotEmpty(t, a.Targets)
			require.NotEmpty(t, a.Risk)
			require.False(t, a.ChangesSpec && !a.ChangesCluster, "an action that changes a spec changes the cluster")
			require.False(t, a.Reversible && !a.ChangesCluster, "what changes nothing has nothing to undo")
			if a.ChangesCluster {
				require.NotEmpty(t, a.Rules)
			}
			require.ErrorIs(t, a.Validate(map[string]any{"no_such_parameter": 1}), action.ErrInvalid)
		})
	}
}

func TestAnUnknownActionIsNotFound(t *testing.T) {
	_, ok := action.Lookup("rm_rf")
	require.False(t, ok)
}

func TestTargetsDecideWhatAnActionAccepts(t *testing.T) {
	scale, _ := action.Lookup(action.ScaleDeployment)
	require.True(t, scale.Accepts("Deployment"))
	require.False(t, scale.Accepts("StatefulSet"))
	notify, _ := action.Lookup(action.NotifyOnly)
	require.True(t, notify.Accepts("Anything"))
}
