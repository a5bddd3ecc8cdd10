package simulation_test

import (
	"testing"

	"k8s.io/client-go/rest"

	"kubernaut.ai/local/simulation"
	"kubernaut.ai/local/simulation/simulationtest"
)

func TestConformance(t *testing.T) {
	b := start(t, simulation.Options{})
	simulationtest.Run(t, func(*testing.T) *rest.Config { return b.RESTConfig() })
}
