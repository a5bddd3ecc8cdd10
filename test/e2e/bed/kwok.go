package bed

import (
	"context"
	_ "embed"
	"fmt"
	"path/filepath"
	"syscall"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"kubernaut.ai/test/e2e/platform/manifest"
	"kubernaut.ai/test/e2e/toolchain"
)

const (
	kwokModule = "sigs.k8s.io/kwok"
	// FakeNodeKey is the label, the taint's key and the annotation of a fake node,
	// FakeNodeValue its value: pods come there only by a selector and a toleration.
	FakeNodeKey   = "kwok.x-k8s.io/node"
	FakeNodeValue = "fake"
	// fakeRange is where pods on fake nodes get addresses: nobody answers there,
	// and the guard knows the range.
	fakeRange = "10.88.128.0/17"
)

// FaultAnnotation makes a pod on a fake node fall ill: its value is "crash" (a
// crash loop, exit code 1), "oom" (the same, OOM-killed), or "unready".
const FaultAnnotation = "bed.kubernaut.ai/fault"

//go:embed faults.yaml
var faultStages []byte

// kwokStages are the parts of kwok's module that make a fake node and its pods
// behave.
var kwokStages = []string{
	"kustomize/stage/node/fast/node-initialize.yaml",
	"kustomize/stage/node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
	"kustomize/stage/pod/fast/pod-ready.yaml",
	"kustomize/stage/pod/fast/pod-complete.yaml",
	"kustomize/stage/pod/fast/pod-delete.yaml",
}

func (s *site) kwokProgram() Program {
	address := loopback(s.record.Ports.Kwok)
	return Program{Name: "kwok", Path: s.binaries["kwok"], Stop: syscall.SIGKILL, Args: []string{
		"--kubeconfig=" + s.layout.config("kwok"), "--config=" + s.layout.path("etc", "kwok.yaml"),
		"--manage-all-nodes=false", "--manage-nodes-with-annotation-selector=" + FakeNodeKey + "=" + FakeNodeValue,
		"--enable-crds=Stage", "--cidr=" + fakeRange, "--node-ip=" + gateway, "--server-address=" + address,
		"--node-lease-duration-seconds=40",
	}}
}

// kwok starts kwok with its Stages as custom resources, so that scenarios can add
// their own, and waits until the fake nodes are Ready.
func (s *site) kwok(ctx context.Context) error {
	if err := s.applyStages(ctx); err != nil {
		return err
	}
	if err := writeFile(s.layout.path("etc", "kwok.yaml"), ""); err != nil {
		return err
	}
	if err := s.supervisor.run(ctx, s.kwokProgram(), healthy("http://"+loopback(s.record.Ports.Kwok)+"/healthz")); err != nil {
		return err
	}
	for i := range s.options.FakeNodes {
		if err := s.fakeNode(ctx, fmt.Sprintf("fake-%d", i)); err != nil {
			return err
		}
	}
	return await(ctx, func(ctx context.Context) (bool, error) {
		nodes, err := s.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{LabelSelector: FakeNodeKey + "=" + FakeNodeValue})
		if err != nil {
			return false, fmt.Errorf("list fake nodes: %w", err)
		}
		ready := 0
		for i := range nodes.Items {
			if nodeIsReady(&nodes.Items[i]) {
				ready++
			}
		}
		return ready == s.options.FakeNodes, nil
	})
}

func (s *site) applyStages(ctx context.Context) error {
	source, err := toolchain.Pinned().Source(ctx, "kwok", kwokModule)
	if err != nil {
		return fmt.Errorf("find kwok's stages: %w", err)
	}
	cluster, err := manifest.Connect(s.rest)
	if err != nil {
		return err
	}
	definitions, err := manifest.Load(filepath.Join(source, "kustomize/crd/bases/kwok.x-k8s.io_stages.yaml"), manifest.Everything)
	if err != nil {
		return err
	}
	if err := cluster.Apply(ctx, definitions...); err != nil {
		return err
	}
	if err := cluster.AwaitEstablished(ctx, definitions); err != nil {
		return err
	}
	var stages []*unstructured.Unstructured
	for _, file := range kwokStages {
		loaded, err := manifest.Load(filepath.Join(source, file), manifest.Everything)
		if err != nil {
			return err
		}
		stages = append(stages, loaded...)
	}
	faults, err := manifest.Parse(faultStages)
	if err != nil {
		return err
	}
	return cluster.Apply(ctx, append(stages, faults...)...)
}

// fakeNode makes a node of a usual size that only tolerating pods come to.
func (s *site) fakeNode(ctx context.Context, name string) error {
	size := corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse("16"), corev1.ResourceMemory: resource.MustParse("64Gi"),
		corev1.ResourcePods: resource.MustParse("250"), corev1.ResourceEphemeralStorage: resource.MustParse("200Gi"),
	}
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name:        name,
			Annotations: map[string]string{FakeNodeKey: FakeNodeValue},
			Labels: map[string]string{
				FakeNodeKey: FakeNodeValue, corev1.LabelHostname: name, corev1.LabelOSStable: "linux", corev1.LabelArchStable: "amd64",
			},
		},
		Spec:   corev1.NodeSpec{Taints: []corev1.Taint{{Key: FakeNodeKey, Value: FakeNodeValue, Effect: corev1.TaintEffectNoSchedule}}},
		Status: corev1.NodeStatus{Allocatable: size, Capacity: size},
	}
	_, err := s.client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("make fake node: %w", err)
	}
	return nil
}

func nodeIsReady(node *corev1.Node) bool {
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}
