package bed

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"syscall"
	"time"

	"k8s.io/client-go/rest"

	"kubernaut.ai/shared/porttest"
)

// ports are the loopback ports that were free when the bed came up.
type ports struct {
	Etcd, EtcdPeer, ControllerManager, Scheduler, KubeletHealth int
	ProxyHealth, ProxyMetrics, Kwok                             int
	DNSHealth, DNSReady                                         int
}

// freePorts finds as many as ports has fields, no two the same.
func freePorts() (ports, error) {
	var p ports
	wanted := []*int{
		&p.Etcd, &p.EtcdPeer, &p.ControllerManager, &p.Scheduler, &p.KubeletHealth,
		&p.ProxyHealth, &p.ProxyMetrics, &p.Kwok, &p.DNSHealth, &p.DNSReady,
	}
	var found []int
	for len(found) < len(wanted) {
		port, err := porttest.Free()
		if err != nil {
			return p, err
		}
		if !slices.Contains(found, port) {
			*wanted[len(found)] = port
			found = append(found, port)
		}
	}
	return p, nil
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// onBridge is an address that pods reach too.
func onBridge(port int) string { return net.JoinHostPort(gateway, strconv.Itoa(port)) }

// etcd without fsync: what it holds ends with the bed.
func (s *site) etcd() Program {
	client, peer := "http://"+loopback(s.record.Ports.Etcd), "http://"+loopback(s.record.Ports.EtcdPeer)
	return Program{Name: "etcd", Path: s.binaries["etcd"], Stop: syscall.SIGKILL, Args: []string{
		"--name=bed", "--data-dir=" + s.layout.data("etcd"), "--unsafe-no-fsync", "--log-level=warn",
		"--listen-client-urls=" + client, "--advertise-client-urls=" + client,
		"--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer, "--initial-cluster=bed=" + peer,
	}}
}

func (s *site) apiserver() Program {
	return Program{Name: "kube-apiserver", Path: s.binaries["kube-apiserver"], Stop: syscall.SIGKILL, Args: []string{
		"--etcd-servers=http://" + loopback(s.record.Ports.Etcd),
		"--bind-address=" + gateway, "--advertise-address=" + gateway, "--secure-port=" + strconv.Itoa(portAPI),
		"--service-cluster-ip-range=" + serviceRange,
		"--authorization-mode=Node,RBAC", "--anonymous-auth=false", "--profiling=false",
		"--client-ca-file=" + s.pki.Authority,
		"--tls-cert-file=" + s.pki.ServerCertificate, "--tls-private-key-file=" + s.pki.ServerKey,
		"--kubelet-certificate-authority=" + s.pki.Authority,
		"--kubelet-client-certificate=" + s.pki.ToKubeletCertificate, "--kubelet-client-key=" + s.pki.ToKubelet,
		"--kubelet-preferred-address-types=InternalIP",
		"--service-account-issuer=https://kubernetes.default.svc." + domain,
		"--service-account-key-file=" + s.pki.ServiceAccountCertificate, "--service-account-signing-key-file=" + s.pki.ServiceAccountKey,
		"--audit-policy-file=" + s.layout.auditPolicy(), "--audit-log-path=" + s.layout.audit(),
	}}
}

func (s *site) controllerManager() Program {
	return Program{Name: "kube-controller-manager", Path: s.binaries["kube-controller-manager"], Stop: syscall.SIGKILL, Args: []string{
		"--kubeconfig=" + s.layout.config("controller-manager"), "--leader-elect=false",
		"--bind-address=127.0.0.1", "--secure-port=" + strconv.Itoa(s.record.Ports.ControllerManager),
		"--use-service-account-credentials", "--profiling=false",
		// Its own limit is made for a shared server: a hundred pods would take five seconds.
		"--kube-api-qps=" + strconv.Itoa(clientQPS), "--kube-api-burst=" + strconv.Itoa(clientQPS),
		"--service-account-private-key-file=" + s.pki.ServiceAccountKey, "--root-ca-file=" + s.pki.Authority,
	}}
}

func (s *site) scheduler() Program {
	return Program{Name: "kube-scheduler", Path: s.binaries["kube-scheduler"], Stop: syscall.SIGKILL, Args: []string{
		"--kubeconfig=" + s.layout.config("scheduler"), "--leader-elect=false", "--profiling=false",
		"--bind-address=127.0.0.1", "--secure-port=" + strconv.Itoa(s.record.Ports.Scheduler),
		"--kube-api-qps=" + strconv.Itoa(clientQPS), "--kube-api-burst=" + strconv.Itoa(clientQPS),
	}}
}

// controlPlane starts etcd, the API server, and what needs one, and waits for each.
func (s *site) controlPlane(ctx context.Context) error {
	etcd := healthy("http://" + loopback(s.record.Ports.Etcd) + "/health")
	if err := s.supervisor.run(ctx, s.etcd(), etcd); err != nil {
		return err
	}
	if err := s.supervisor.run(ctx, s.apiserver(), s.apiReady); err != nil {
		return err
	}
	// These two answer on TLS of their own making, so look whether they listen.
	if err := s.supervisor.run(ctx, s.controllerManager(), listens(loopback(s.record.Ports.ControllerManager))); err != nil {
		return err
	}
	return s.supervisor.run(ctx, s.scheduler(), listens(loopback(s.record.Ports.Scheduler)))
}

// apiReady asks the API server as the administrator: nobody else may.
func (s *site) apiReady(ctx context.Context) error {
	client, err := rest.HTTPClientFor(s.rest)
	if err != nil {
		return fmt.Errorf("make client: %w", err)
	}
	return get(ctx, client, apiURL()+"/readyz")
}

// healthy is a condition that holds when url answers 200.
func healthy(url string) func(context.Context) error {
	return func(ctx context.Context) error { return get(ctx, http.DefaultClient, url) }
}

// get is nil when url answers 200.
func get(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("ask %s: %w", url, err)
	}
	return answer200(client, request)
}

// answer200 is nil when request is answered 200; its error quotes the beginning
// of another answer.
func answer200(client *http.Client, request *http.Request) error {
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("ask %s: %w", request.URL, err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, _ := io.ReadAll(io.LimitReader(response.Body, tailBytes))
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("ask %s: %s: %s", request.URL, response.Status, answer)
	}
	return nil
}

// listens is a condition that holds when something accepts on address.
func listens(address string) func(context.Context) error {
	return func(ctx context.Context) error {
		connection, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		return connection.Close()
	}
}
