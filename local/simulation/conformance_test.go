package simulation_test

import (
	"testing"

	"k8s.io/client-go/rest"

	"kubernaut.ai/local/simulation"
	"kubernaut.ai/local/simulation/simulationtest"
)

func TestConformance(t *testing.T) {
	b := start(t, simulation.Options{})
	t.Run("a client of JSON", func(t *testing.T) {
		simulationtest.Run(t, func(*testing.T) *rest.Config { return b.RESTConfig() })
	})
	t.Run("a client of the compact encoding", func(t *testing.T) {
		simulationtest.Run(t, func(*testing.T) *rest.Config {
			config := b.RESTConfig()
			config.ContentType = "application/vnd.kubernetes.protobuf"
			config.AcceptContentTypes = config.ContentType + ",application/json"
			return config
		})
	})
}
