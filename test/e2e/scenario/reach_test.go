package scenario

import (
	"context"
	"fmt"
	"net"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// clusterDomain ends the names of Services within the cluster.
const clusterDomain = ".svc.cluster.local"

// maxAliases bounds how many ExternalName Services may stand for one another.
const maxAliases = 4

// dial connects to a Service by its name in the cluster, as a pod would.
func (w *world) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if host, err = w.addressOf(ctx, host); err != nil {
		return nil, err
	}
	return (&net.Dialer{}).DialContext(ctx, network, net.JoinHostPort(host, port))
}

// addressOf finds the address behind a Service's name in the cluster: a Knative
// Service's stands for the ingress, as its Service says.
func (w *world) addressOf(ctx context.Context, host string) (string, error) {
	for range maxAliases {
		name, found := strings.CutSuffix(host, clusterDomain)
		if !found {
			return host, nil
		}
		service, err := w.serviceOf(ctx, name)
		if err != nil {
			return "", fmt.Errorf("find service %s: %w", host, err)
		}
		if service.Spec.Type != corev1.ServiceTypeExternalName {
			return service.Spec.ClusterIP, nil
		}
		host = service.Spec.ExternalName
	}
	return "", fmt.Errorf("find service %s: more than %d names stand for one another", host, maxAliases)
}

func (w *world) serviceOf(ctx context.Context, name string) (*corev1.Service, error) {
	service, namespace, found := strings.Cut(name, ".")
	if !found {
		return nil, fmt.Errorf("%q is not name.namespace", name)
	}
	return w.kube.CoreV1().Services(namespace).Get(ctx, service, metav1.GetOptions{})
}
