package pipeline_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/local/broker"
	"kubernaut.ai/local/replay"
	"kubernaut.ai/local/system"
)

func TestStoriesEndWellThoughTheBrokerMisbehaves(t *testing.T) {
	t.Parallel()
	b := start(t, system.Options{BackoffScale: 0.1, Chaos: &broker.Chaos{Seed: 11, Duplicate: .3, Delay: .2, Reorder: .2, Drop: .2, MaxDelay: 50 * time.Millisecond}})
	stories, err := replay.Load(samplesDir)
	require.NoError(t, err)
	for name, namespace := range map[string]string{"1-bad-rollout": "shop", "2-oom-kill": "catalog", "9-gitops-owned": "billing"} {
		i := slices.IndexFunc(stories, func(s replay.Story) bool { return s.Name == name })
		require.GreaterOrEqual(t, i, 0, name)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result, err := b.runner().Run(t.Context(), stories[i])
			require.NoError(t, err)
			require.Empty(t, result.Wrong, "%+v", result.Remediations)
			require.Len(t, b.mutations(namespace), 1)
		})
	}
}
