package scenario

import (
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"

	"kubernaut.ai/local/simulation/simulationtest"
)

// TestThisClusterHonoursWhatTheSimulatedOneDoes runs over a real control plane,
// with real pods, the suite that make run's simulated cluster is held to.
func TestThisClusterHonoursWhatTheSimulatedOneDoes(t *testing.T) {
	w := enterBeside(t)
	w.onBed(t, "every registry's name must lead to one that takes images")
	// The suite's pods run registry.example/web, and every registry is the bed's here.
	for _, tag := range []string{"v1", "v2"} {
		_, err := w.push(t.Context(), w.bed.Registry+"/web:"+tag)
		require.NoError(t, err)
	}
	simulationtest.Run(t, func(*testing.T) *rest.Config { return w.config })
}
