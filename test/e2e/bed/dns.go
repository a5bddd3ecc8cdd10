package bed

import (
	"context"
	"fmt"
	"syscall"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

const (
	dnsUser      = "kubernaut:coredns"
	dnsName      = "kube-dns"
	dnsNamespace = metav1.NamespaceSystem
)

// corefile answers for the cluster and for nothing else. The catch-all is a
// server block of its own: beside the kubernetes plugin it would answer first.
// Answers live 5 seconds, so that a restarted Service is not missed for long.
const corefile = `%[1]s:%[2]d {
	bind ` + gateway + `
	errors
	health 127.0.0.1:%[3]d
	ready 127.0.0.1:%[4]d
	kubernetes {
		kubeconfig %[5]s
		ttl 5
	}
	cache 5
}
.:%[2]d {
	bind ` + gateway + `
	errors
	template ANY ANY . {
		rcode NXDOMAIN
	}
}
`

func (s *site) coredns() Program {
	return Program{Name: "coredns", Path: s.binaries["coredns"], Stop: syscall.SIGKILL, Args: []string{
		"-conf", s.layout.path("etc", "Corefile"), "-pidfile", "",
	}}
}

// dns starts CoreDNS as a process and gives it the cluster's usual name and address.
func (s *site) dns(ctx context.Context) error {
	p := s.record.Ports
	content := fmt.Sprintf(corefile, domain, portDNS, p.DNSHealth, p.DNSReady, s.layout.config("coredns"))
	if err := writeFile(s.layout.path("etc", "Corefile"), content); err != nil {
		return err
	}
	if err := s.publishDNS(ctx); err != nil {
		return fmt.Errorf("publish cluster DNS: %w", err)
	}
	return s.supervisor.run(ctx, s.coredns(), healthy("http://"+loopback(p.DNSReady)+"/ready"))
}

// publishDNS makes the Service that pods are told to ask, with CoreDNS outside
// the cluster as its endpoint, and lets CoreDNS read what it answers from.
func (s *site) publishDNS(ctx context.Context) error {
	meta := metav1.ObjectMeta{Name: dnsName, Namespace: dnsNamespace}
	roleMeta := metav1.ObjectMeta{Name: dnsUser}
	var servicePorts []corev1.ServicePort
	var endpointPorts []discoveryv1.EndpointPort
	for name, protocol := range map[string]corev1.Protocol{"dns": corev1.ProtocolUDP, "dns-tcp": corev1.ProtocolTCP} {
		servicePorts = append(servicePorts, corev1.ServicePort{Name: name, Port: portDNS, Protocol: protocol})
		endpointPorts = append(endpointPorts, discoveryv1.EndpointPort{Name: ptr.To(name), Port: ptr.To(int32(portDNS)), Protocol: ptr.To(protocol)})
	}
	service := &corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{ClusterIP: dnsService, Ports: servicePorts}}
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Name: dnsName, Namespace: dnsNamespace, Labels: map[string]string{discoveryv1.LabelServiceName: dnsName}},
		AddressType: discoveryv1.AddressTypeIPv4, Ports: endpointPorts,
		Endpoints: []discoveryv1.Endpoint{{Addresses: []string{gateway}, Conditions: discoveryv1.EndpointConditions{Ready: ptr.To(true)}}},
	}
	role := &rbacv1.ClusterRole{ObjectMeta: roleMeta, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"services", "namespaces"}, Verbs: []string{"list", "watch"}},
		{APIGroups: []string{"discovery.k8s.io"}, Resources: []string{"endpointslices"}, Verbs: []string{"list", "watch"}},
	}}
	binding := &rbacv1.ClusterRoleBinding{ObjectMeta: roleMeta,
		RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: dnsUser},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: dnsUser}},
	}
	options := metav1.CreateOptions{}
	creations := []func() error{
		func() error {
			_, err := s.client.CoreV1().Services(dnsNamespace).Create(ctx, service, options)
			return err
		},
		func() error {
			_, err := s.client.DiscoveryV1().EndpointSlices(dnsNamespace).Create(ctx, slice, options)
			return err
		},
		func() error { _, err := s.client.RbacV1().ClusterRoles().Create(ctx, role, options); return err },
		func() error {
			_, err := s.client.RbacV1().ClusterRoleBindings().Create(ctx, binding, options)
			return err
		},
	}
	for _, create := range creations {
		if err := create(); err != nil && !apierrors.IsAlreadyExists(err) {
			return err
		}
	}
	return nil
}
