package caller

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
)

// networkName is who posts to an open path without a credential.
const networkName = "cluster-network"

// ErrPublished says that more than the cluster's network reaches the gateway.
var ErrPublished = errors.New("the gateway is served to more than the cluster's network, or nobody can say: open paths are closed")

// clusterNames are the endings of names that only a cluster resolves.
var clusterNames = []string{".svc", ".svc.cluster.local"}

// fromCluster tells that the request is addressed to a name of the cluster. That
// proves nothing: on a gateway that is published, Knative's proxies let clients
// choose the name (K-Original-Host). It only keeps out what says that it comes
// from elsewhere, as through a DomainMapping.
func fromCluster(r *http.Request) bool { return isClusterName(r.Host) }

// published is the answer of a gateway that cannot ask who reaches it.
func published(context.Context) error { return ErrPublished }

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
