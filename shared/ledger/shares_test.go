package ledger

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSharesDealEvenlyFromAnyShardOn(t *testing.T) {
	var counts [DueShards]DueCounts
	counts[2], counts[9], counts[15] = DueCounts{Now: 100}, DueCounts{Now: 1}, DueCounts{Now: 3}
	for start := range DueShards {
		got := shares(counts, 10, start)
		require.Equal(t, 6, got[2], "the long shard gets the rest")
		require.Equal(t, 1, got[9])
		require.Equal(t, 3, got[15])
	}
	require.Equal(t, [DueShards]int{}, shares([DueShards]DueCounts{}, 10, 0))
	one := shares(counts, 1, 3)
	require.Equal(t, 1, one[9], "the first shard from the start that has one")
}

func TestIDsSpreadOverAllShards(t *testing.T) {
	var n [DueShards]int
	for i := range 1600 {
		n[shardOf(fmt.Sprintf("watch/crashloop-web-%d-1", i))]++
	}
	for shard, count := range n {
		require.InDelta(t, 100, count, 60, "shard %d", shard)
	}
}

func TestARemediationIDNamesItsGeneration(t *testing.T) {
	r, err := parseRemediation("crash-loop-12")
	require.NoError(t, err)
	require.Equal(t, remediation{base: "crash-loop", generation: 12}, r)
	require.Equal(t, "crash-loop-12", r.id())
}
