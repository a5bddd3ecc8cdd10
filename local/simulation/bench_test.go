package simulation_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"kubernaut.ai/local/simulation"
)

func benchClient(b *testing.B) *kubernetes.Clientset {
	b.Helper()
	cluster, err := simulation.Start(b.Context(), simulation.Options{})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, cluster.Close()) })
	client, err := kubernetes.NewForConfig(cluster.RESTConfig())
	require.NoError(b, err)
	return client
}

func BenchmarkGet(b *testing.B) {
	client := benchClient(b)
	for b.Loop() {
		_, err := client.CoreV1().Nodes().Get(b.Context(), "node-1", metav1.GetOptions{})
		require.NoError(b, err)
	}
}

func BenchmarkPatch(b *testing.B) {
	client := benchClient(b)
	values := [2][]byte{[]byte(`{"metadata":{"annotations":{"a":"1"}}}`), []byte(`{"metadata":{"annotations":{"a":"2"}}}`)}
	n := 0
	for b.Loop() {
		n++
		_, err := client.CoreV1().Nodes().Patch(b.Context(), "node-1", types.MergePatchType, values[n%2], metav1.PatchOptions{})
		require.NoError(b, err)
	}
}

// BenchmarkStart measures from nothing to the first answered request.
func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		cluster, err := simulation.Start(b.Context(), simulation.Options{})
		require.NoError(b, err)
		client, err := kubernetes.NewForConfig(cluster.RESTConfig())
		require.NoError(b, err)
		_, err = client.CoreV1().Nodes().Get(b.Context(), "node-1", metav1.GetOptions{})
		require.NoError(b, err)
		require.NoError(b, cluster.Close())
	}
}
