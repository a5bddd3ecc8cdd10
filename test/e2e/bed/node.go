package bed

import (
	"context"
	"fmt"
	"net"
	"os"
	"syscall"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// cniPlugins is where the distribution's package puts them.
const cniPlugins = "/usr/lib/cni"

// containerdConfig is for containerd 1.6 and later: overlays, crun, the bed's own
// registry for every image, and restrict_oom_score_adj, without which containers
// do not start where the machine itself is restricted.
const containerdConfig = `version = 2
root = %[1]q
state = %[2]q
oom_score = 0
[grpc]
  address = %[3]q
[plugins."io.containerd.internal.v1.opt"]
  path = %[4]q
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = %[5]q
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  max_concurrent_downloads = 6
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "crun"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.crun]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.crun.options]
        SystemdCgroup = false
        BinaryName = "crun"
        Root = %[6]q
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "` + cniPlugins + `"
    conf_dir = %[7]q
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = %[8]q
`

// registryHosts sends every image reference, of whatever registry, to the bed's:
// the runtime is a process of the machine, which the guard lets out.
const registryHosts = `server = "http://%[1]s"
[host."http://%[1]s"]
  capabilities = ["pull", "resolve"]
`

// cniConfig is a bridge without masquerading. The bridge has its address already,
// so the plugin is not told to be its gateway: it would switch on forwarding on
// every interface of the machine.
const cniConfig = `{
  "cniVersion": "0.4.0",
  "name": "kubernaut",
  "plugins": [
    {
      "type": "bridge", "bridge": "` + bridge + `", "isGateway": false, "ipMasq": false, "hairpinMode": true,
      "ipam": {
        "type": "host-local", "dataDir": %[1]q,
        "ranges": [[{"subnet": "` + podRange + `", "rangeStart": "10.88.0.2", "gateway": "` + gateway + `"}]],
        "routes": [{"dst": "0.0.0.0/0"}]
      }
    }
  ]
}
`

// kubeletConfig: cgroupfs on either version of cgroups; no eviction for a full
// disk of a developer's machine; images pulled side by side.
const kubeletConfig = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: ` + gateway + `
port: %[1]d
readOnlyPort: 0
healthzBindAddress: 127.0.0.1
healthzPort: %[2]d
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: true}
  x509: {clientCAFile: %[3]q}
authorization: {mode: Webhook}
tlsCertFile: %[4]q
tlsPrivateKeyFile: %[5]q
clusterDNS: [` + dnsService + `]
clusterDomain: ` + domain + `
resolvConf: %[6]q
containerRuntimeEndpoint: unix://%[7]s
podLogsDir: %[8]q
volumePluginDir: %[9]q
cgroupDriver: cgroupfs
failCgroupV1: false
failSwapOn: false
makeIPTablesUtilChains: false
enforceNodeAllocatable: []
serializeImagePulls: false
registryPullQPS: 0
imageGCHighThresholdPercent: 100
evictionHard: {memory.available: "100Mi", nodefs.available: "0%%", nodefs.inodesFree: "0%%", imagefs.available: "0%%"}
maxPods: 150
`

// kubeProxyConfig: nftables, and hands off the connection tracker's size.
const kubeProxyConfig = `apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
clusterCIDR: ` + podRange + `
hostnameOverride: ` + nodeName + `
healthzBindAddress: %[1]q
metricsBindAddress: %[2]q
clientConnection: {kubeconfig: %[3]q}
conntrack: {maxPerCore: 0, min: 0}
nftables: {minSyncPeriod: 200ms}
`

// writeNodeConfigs writes every file that the node's processes read.
func (s *site) writeNodeConfigs() error {
	l, p := s.layout, s.record.Ports
	files := map[string]string{
		l.path("etc", "containerd.toml"): fmt.Sprintf(containerdConfig,
			l.data("containerd"), l.path("run", "containerd"), l.containerdSocket(), l.path("run", "opt"),
			onBridge(portRegistry)+"/"+pauseImage, l.path("run", "crun"), l.path("etc", "cni"), l.path("etc", "registries")),
		l.path("etc", "registries", "_default", "hosts.toml"): fmt.Sprintf(registryHosts, onBridge(portRegistry)),
		l.path("etc", "cni", "10-kubernaut.conflist"):         fmt.Sprintf(cniConfig, l.data("cni")),
		l.path("etc", "kubelet.yaml"): fmt.Sprintf(kubeletConfig, portKubelet, p.KubeletHealth,
			s.pki.Authority, s.pki.KubeletCertificate, s.pki.KubeletKey, l.path("etc", "resolv.conf"),
			l.containerdSocket(), l.path("data", "pod-logs"), l.path("data", "volume-plugins")),
		// No name server of the machine reaches a pod.
		l.path("etc", "resolv.conf"): "",
		l.path("etc", "kube-proxy.yaml"): fmt.Sprintf(kubeProxyConfig,
			loopback(p.ProxyHealth), loopback(p.ProxyMetrics), l.config("kube-proxy")),
	}
	for path, content := range files {
		if err := writeFile(path, content); err != nil {
			return err
		}
	}
	return nil
}

// unified is where machines that have both versions of cgroups mount the second.
const unified = "/sys/fs/cgroup/unified"

// containerd runs in a mount namespace of its own, which sees what the kubelet
// mounts, and has the first version of cgroups only: where it sees both, crun,
// which takes a third of runc's time for a container, refuses to work.
func (s *site) containerd() Program {
	const start = `umount ` + unified + ` 2>/dev/null; exec "$@"`
	return Program{Name: "containerd", Path: s.binaries["unshare"], Args: []string{"--mount", "--propagation=slave",
		"sh", "-c", start, "sh", s.binaries["containerd"], "--config=" + s.layout.path("etc", "containerd.toml")}}
}

func (s *site) kubelet() Program {
	return Program{Name: "kubelet", Path: s.binaries["kubelet"], Stop: syscall.SIGKILL, Args: []string{
		"--config=" + s.layout.path("etc", "kubelet.yaml"), "--kubeconfig=" + s.layout.config("kubelet"),
		"--root-dir=" + s.layout.data("kubelet"), "--cert-dir=" + s.layout.path("data", "kubelet", "pki"),
		"--hostname-override=" + nodeName, "--node-ip=" + gateway,
		"--node-labels=kubernaut.ai/bed=real",
	}}
}

func (s *site) kubeProxy() Program {
	return Program{Name: "kube-proxy", Path: s.binaries["kube-proxy"], Stop: syscall.SIGKILL, Args: []string{
		"--config=" + s.layout.path("etc", "kube-proxy.yaml"),
	}}
}

// node starts containerd and the kubelet and waits for the node to be Ready.
func (s *site) node(ctx context.Context) error {
	if err := shareMounts(s.layout.data("kubelet")); err != nil {
		return err
	}
	if err := s.supervisor.run(ctx, s.containerd(), s.criStreams); err != nil {
		return err
	}
	return s.supervisor.run(ctx, s.kubelet(), s.nodeReady)
}

// criStreams holds when containerd's CRI plugin serves and streams: a kubelet
// that starts before exits.
func (s *site) criStreams(ctx context.Context) error {
	if err := s.listensUnix(ctx, s.layout.containerdSocket()); err != nil {
		return err
	}
	return logSays(s.layout.log("containerd"), "containerd successfully booted", "Start streaming server")
}

func (s *site) listensUnix(ctx context.Context, socket string) error {
	connection, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err != nil {
		return err
	}
	return connection.Close()
}

func (s *site) nodeReady(ctx context.Context) error {
	node, err := s.client.CoreV1().Nodes().Get(ctx, nodeName, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("read node: %w", err)
	}
	if !nodeIsReady(node) {
		return fmt.Errorf("node %s is not Ready", nodeName)
	}
	return nil
}

// writeFile writes content and the folders above it.
func writeFile(path, content string) error {
	if err := os.MkdirAll(dirOf(path), 0o755); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
