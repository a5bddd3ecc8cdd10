package caller

import (
	"net"
	"net/http"
	"strings"
)

// originalHost is the header in which Knative's ingress keeps the name that a
// client asked for, where it rewrites it: as for a DomainMapping.
const originalHost = "K-Original-Host"

// clusterNames are the endings of names that only a cluster resolves.
var clusterNames = []string{".svc", ".svc.cluster.local"}

// fromCluster tells that the request is addressed to a name of the cluster:
// an ingress that is public routes by names of its own.
func fromCluster(r *http.Request) bool {
	original := r.Header.Values(originalHost)
	for _, host := range append(original, r.Host) {
		if !isClusterName(host) {
			return false
		}
	}
	return true
}

func isClusterName(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, ending := range clusterNames {
		if strings.HasSuffix(host, ending) {
			return true
		}
	}
	return false
}
