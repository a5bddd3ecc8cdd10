// Package simulationtest says what a cluster must honour for Kubernaut's actions to be safe, as a suite that runs over any API
// server: the simulated one, or a real control plane with (real or kwok) nodes that run pods. It uses client-go only and works
// in namespaces that it makes and deletes.
//
//	func TestConformance(t *testing.T) {
//		simulationtest.Run(t, func(t *testing.T) *rest.Config { return cluster.RESTConfig() })
//	}
package simulationtest
