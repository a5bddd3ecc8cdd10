package ledgertest

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/porttest"
)

const (
	// clusterNodes are the masters of a cluster: no fewer make one.
	clusterNodes = 3
	// slots of every Redis Cluster.
	slots = 16384
)

// Cluster is a Redis Cluster of three masters on the loopback interface, each
// with a third of the slots.
type Cluster struct {
	Nodes []*Server
	// URL opens it.
	URL string
}

// RedisCluster starts a cluster that ends with the test, and returns when each
// of its nodes knows that all slots are served.
func RedisCluster(t testing.TB) Cluster {
	t.Helper()
	c := Cluster{}
	addresses := make([]string, clusterNodes)
	for i := range clusterNodes {
		// A node that a test stops for a while is not to take the cluster with it.
		node := startServer(t, "--cluster-enabled", "yes", "--cluster-node-timeout", "60000")
		c.Nodes, addresses[i] = append(c.Nodes, node), node.address()
	}
	c.URL = "redis://" + strings.Join(addresses, ",") + "?cluster=true"
	for i, node := range c.Nodes {
		client := nodeClient(t, node)
		first, last := i*slots/clusterNodes, (i+1)*slots/clusterNodes-1
		require.NoError(t, client.Do(t.Context(), "CLUSTER", "ADDSLOTSRANGE", first, last).Err())
		// Nodes that begin with one epoch would first have to settle who is who.
		require.NoError(t, client.Do(t.Context(), "CLUSTER", "SET-CONFIG-EPOCH", i+1).Err())
		require.NoError(t, client.ClusterMeet(t.Context(), porttest.Host, strconv.Itoa(c.Nodes[0].port)).Err())
	}
	for _, node := range c.Nodes {
		client := nodeClient(t, node)
		require.Eventually(t, func() bool {
			ctx := context.WithoutCancel(t.Context())
			info, err := client.ClusterInfo(ctx).Result()
			return err == nil && strings.Contains(info, "cluster_state:ok") &&
				strings.Contains(info, "cluster_known_nodes:"+strconv.Itoa(clusterNodes)) &&
				strings.Contains(info, "cluster_slots_ok:"+strconv.Itoa(slots))
		}, startTimeout, pollEvery)
	}
	return c
}

// OwnerOf is the node that serves a key, and the others.
func (c Cluster) OwnerOf(t testing.TB, key string) (owner *Server, others []*Server) {
	t.Helper()
	slot, err := nodeClient(t, c.Nodes[0]).ClusterKeySlot(t.Context(), key).Result()
	require.NoError(t, err)
	for i, node := range c.Nodes {
		if first, next := i*slots/clusterNodes, (i+1)*slots/clusterNodes; int(slot) >= first && int(slot) < next {
			owner = node
		} else {
			others = append(others, node)
		}
	}
	return owner, others
}

// nodeClient speaks to one node, and follows no redirection.
func nodeClient(t testing.TB, node *Server) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: node.address()})
	t.Cleanup(func() { _ = client.Close() })
	return client
}
