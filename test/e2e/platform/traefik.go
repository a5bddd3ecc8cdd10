package platform

import _ "embed"

// traefikManifest is Traefik as Knative's ingress: one entry point for what the
// machine asks, one for what pods ask by cluster-local names.
//
//go:embed traefik.yaml
var traefikManifest []byte

const (
	traefikNamespace = "traefik"
	// traefikService is the public one, at Options.IngressIP.
	traefikService = "traefik"
)
