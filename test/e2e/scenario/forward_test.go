package scenario

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
)

// forwards reach Services of a cluster whose network this machine is not part
// of, through its API server, as kubectl port-forward does.
type forwards struct {
	config *rest.Config
	kube   kubernetes.Interface
	stop   chan struct{}

	mutex sync.Mutex
	open  map[string]string
}

func newForwards(config *rest.Config, kube kubernetes.Interface) *forwards {
	return &forwards{config: config, kube: kube, stop: make(chan struct{}), open: map[string]string{}}
}

func (f *forwards) close() { close(f.stop) }

// address is where a port of a Service answers on this machine.
func (f *forwards) address(ctx context.Context, service *corev1.Service, port int32) (string, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	name := fmt.Sprintf("%s/%s:%d", service.Namespace, service.Name, port)
	if address, found := f.open[name]; found {
		return address, nil
	}
	pod, target, err := f.behind(ctx, service, port)
	if err != nil {
		return "", fmt.Errorf("forward to %s: %w", name, err)
	}
	address, err := f.to(pod, target)
	if err != nil {
		return "", fmt.Errorf("forward to %s: %w", name, err)
	}
	f.open[name] = address
	return address, nil
}

var errNothingBehind = errors.New("no ready pod is behind it")

// behind finds a ready pod of a Service, and the port that it listens on.
func (f *forwards) behind(ctx context.Context, service *corev1.Service, port int32) (*corev1.Pod, int32, error) {
	pods, err := f.kube.CoreV1().Pods(service.Namespace).List(ctx, metav1.ListOptions{LabelSelector: labels.SelectorFromSet(service.Spec.Selector).String()})
	if err != nil {
		return nil, 0, err
	}
	for i := range pods.Items {
		pod := &pods.Items[i]
		if !podReady(pod) || pod.DeletionTimestamp != nil {
			continue
		}
		for _, offered := range service.Spec.Ports {
			if offered.Port == port {
				return pod, targetPort(pod, offered), nil
			}
		}
	}
	return nil, 0, errNothingBehind
}

// targetPort is the number of the port of a pod that a Service means.
func targetPort(pod *corev1.Pod, offered corev1.ServicePort) int32 {
	switch {
	case offered.TargetPort.Type == intstr.Int && offered.TargetPort.IntVal > 0:
		return offered.TargetPort.IntVal
	case offered.TargetPort.Type == intstr.String:
		for _, container := range pod.Spec.Containers {
			for _, listening := range container.Ports {
				if listening.Name == offered.TargetPort.StrVal {
					return listening.ContainerPort
				}
			}
		}
	}
	return offered.Port
}

func (f *forwards) to(pod *corev1.Pod, port int32) (string, error) {
	transport, upgrader, err := spdy.RoundTripperFor(f.config)
	if err != nil {
		return "", err
	}
	url := f.kube.CoreV1().RESTClient().Post().Resource("pods").Namespace(pod.Namespace).Name(pod.Name).SubResource("portforward").URL()
	ready := make(chan struct{})
	forwarder, err := portforward.NewOnAddresses(spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, url),
		[]string{"127.0.0.1"}, []string{"0:" + strconv.Itoa(int(port))}, f.stop, ready, io.Discard, os.Stderr)
	if err != nil {
		return "", err
	}
	ended := make(chan error, 1)
	go func() { ended <- forwarder.ForwardPorts() }()
	select {
	case err := <-ended:
		return "", errors.Join(errNothingBehind, err)
	case <-ready:
	}
	ports, err := forwarder.GetPorts()
	if err != nil {
		return "", err
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(int(ports[0].Local))), nil
}
