package main

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/local/broker"
)

// chaosStories are told at the same time, each of both plots.
const chaosStories = 2

// A Broker that repeats, delays, reorders and drops deliveries, and a process
// that is killed in the middle of it all, change nothing about how it ends.
func TestStoriesEndWellInChaos(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "chaos", &broker.Chaos{Seed: 1, Duplicate: 0.4, Delay: 0.4, Reorder: 0.4, Drop: 0.2})
	require.NoError(t, w.restart())
	t.Run("several at once", func(t *testing.T) {
		var group sync.WaitGroup
		for range chaosStories {
			for _, plot := range []string{badRollout, outOfMemory} {
				group.Go(func() {
					if err := w.disturb(t.Context(), plot, nil).err; err != nil {
						t.Errorf("%s: %v", plot, err)
					}
				})
			}
		}
		group.Wait()
	})
	for _, p := range []point{
		{plot: badRollout, site: "api execute PATCH deployments #1", at: after},
		{plot: badRollout, site: "redis start claim #1", at: after},
		{plot: outOfMemory, site: "redis finish inbox execute #1", at: before},
		{plot: outOfMemory, site: "publish effectiveness.assessed #1", at: after},
	} {
		t.Run(p.String(), func(t *testing.T) {
			r := w.disturb(t.Context(), p.plot, &p)
			require.NoError(t, r.err)
			require.True(t, r.reached, "never reached")
		})
	}
}
