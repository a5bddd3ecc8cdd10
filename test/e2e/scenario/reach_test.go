package scenario

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// clusterDomain ends the names of Services within the cluster.
const clusterDomain = ".svc.cluster.local"

// maxAliases bounds how many ExternalName Services may stand for one another.
const maxAliases = 4

var errTooManyAliases = errors.New("too many names stand for one another")

// dial connects to a Service by its name in the cluster, as a pod would.
func (w *world) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if address, err = w.addressOf(ctx, host, port); err != nil {
		return nil, err
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

// addressOf finds where this machine reaches a port of a Service that is called
// by its name in the cluster: a Knative Service's stands for the ingress, as its
// Service says.
func (w *world) addressOf(ctx context.Context, host, port string) (string, error) {
	for range maxAliases {
		name, found := strings.CutSuffix(host, clusterDomain)
		if !found {
			return net.JoinHostPort(host, port), nil
		}
		service, err := w.serviceOf(ctx, name)
		if err != nil {
			return "", fmt.Errorf("find service %s: %w", host, err)
		}
		if service.Spec.Type != corev1.ServiceTypeExternalName {
			return w.addressIn(ctx, service, port)
		}
		host = service.Spec.ExternalName
	}
	return "", fmt.Errorf("find service %s: %w", host, errTooManyAliases)
}

// addressIn is the Service's own where this machine is on the cluster's network.
func (w *world) addressIn(ctx context.Context, service *corev1.Service, port string) (string, error) {
	if w.forwards == nil {
		return net.JoinHostPort(service.Spec.ClusterIP, port), nil
	}
	number, err := strconv.ParseInt(port, 10, 32)
	if err != nil {
		return "", err
	}
	return w.forwards.address(ctx, service, int32(number))
}

func (w *world) serviceOf(ctx context.Context, name string) (*corev1.Service, error) {
	service, namespace, found := strings.Cut(name, ".")
	if !found {
		return nil, fmt.Errorf("%q is not name.namespace", name)
	}
	return w.kube.CoreV1().Services(namespace).Get(ctx, service, metav1.GetOptions{})
}
