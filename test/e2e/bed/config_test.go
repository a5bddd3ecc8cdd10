package bed

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// configured is a site whose files are written, and of which nothing runs.
func configured(t *testing.T) *site {
	t.Helper()
	options, err := Options{State: string(shortState(t)), FakeNodes: 2}.validate()
	require.NoError(t, err)
	s := &site{layout: layout(options.State), options: options, binaries: map[string]string{"containerd": "/usr/bin/containerd"}}
	s.record, err = newRecord(options, time.Now())
	require.NoError(t, err)
	require.NoError(t, s.configure())
	s.supervisor, err = newSupervisor(s.layout)
	require.NoError(t, err)
	return s
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(content)
}

func TestTheKubeletIsToldWhatTheNodeIs(t *testing.T) {
	s := configured(t)
	var config map[string]any
	require.NoError(t, yaml.UnmarshalStrict([]byte(read(t, s.layout.path("etc", "kubelet.yaml"))), &config))
	require.Equal(t, gateway, config["address"])
	require.Equal(t, []any{dnsService}, config["clusterDNS"])
	require.Equal(t, "cgroupfs", config["cgroupDriver"])
	require.Equal(t, false, config["failCgroupV1"])
	require.Equal(t, "unix://"+s.layout.containerdSocket(), config["containerRuntimeEndpoint"])
	require.Equal(t, map[string]any{"memory.available": "100Mi", "nodefs.available": "0%", "nodefs.inodesFree": "0%", "imagefs.available": "0%"}, config["evictionHard"])
	authentication := config["authentication"].(map[string]any)
	require.Equal(t, false, authentication["anonymous"].(map[string]any)["enabled"], "nobody without a name asks the kubelet")
	require.Empty(t, read(t, config["resolvConf"].(string)), "pods must not learn the machine's name servers")
}

func TestKubeProxyListensToTheMachineAlone(t *testing.T) {
	s := configured(t)
	var config map[string]any
	require.NoError(t, yaml.UnmarshalStrict([]byte(read(t, s.layout.path("etc", "kube-proxy.yaml"))), &config))
	require.Equal(t, "nftables", config["mode"])
	for _, key := range []string{"healthzBindAddress", "metricsBindAddress"} {
		require.True(t, strings.HasPrefix(config[key].(string), "127.0.0.1:"), key)
	}
}

func TestEveryImageComesFromTheBedsOwnRegistry(t *testing.T) {
	s := configured(t)
	hosts := read(t, s.layout.path("etc", "registries", "_default", "hosts.toml"))
	require.Equal(t, 2, strings.Count(hosts, "http://"+onBridge(portRegistry)))
	require.NotContains(t, hosts, "https://")
	containerd := read(t, s.layout.path("etc", "containerd.toml"))
	require.Contains(t, containerd, `config_path = "`+s.layout.path("etc", "registries")+`"`)
	require.Contains(t, containerd, "restrict_oom_score_adj = true")
	require.NotContains(t, containerd, "%!", "every value has its place")
}

func TestTheBridgePluginNeitherMasqueradesNorForwardsElsewhere(t *testing.T) {
	s := configured(t)
	var config struct {
		Plugins []struct {
			Bridge    string
			IPMasq    *bool `json:"ipMasq"`
			IsGateway *bool
			IPAM      struct {
				DataDir string
				Ranges  [][]struct{ Subnet, Gateway string }
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(read(t, s.layout.path("etc", "cni", "10-kubernaut.conflist"))), &config))
	require.Len(t, config.Plugins, 1)
	plugin := config.Plugins[0]
	require.Equal(t, bridge, plugin.Bridge)
	require.False(t, *plugin.IPMasq)
	require.False(t, *plugin.IsGateway)
	require.Equal(t, podRange, plugin.IPAM.Ranges[0][0].Subnet)
	require.True(t, strings.HasPrefix(plugin.IPAM.DataDir, string(s.layout)))
}

func TestNoProcessListensBeyondTheMachine(t *testing.T) {
	s := configured(t)
	bed, err := s.bed()
	require.NoError(t, err)
	programs := []Program{s.etcd(), s.apiserver(), s.controllerManager(), s.scheduler(), s.kubelet(), s.kubeProxy(), s.coredns(), s.containerd(), s.kwokProgram()}
	for _, service := range []*Service{bed.Redis, bed.Postgres, bed.Alertmanager.Service} {
		programs = append(programs, service.program)
	}
	for _, program := range programs {
		line := strings.Join(program.Args, " ")
		require.NotContains(t, line, "0.0.0.0", program.Name)
		require.NotContains(t, line, "[::]", program.Name)
	}
	require.Contains(t, s.apiserver().Args, "--anonymous-auth=false")
	require.Contains(t, s.apiserver().Args, "--authorization-mode=Node,RBAC")
}

func TestServicesSayWhereTheyAreAndKeepTheirPasswordsOutOfCommandLines(t *testing.T) {
	s := configured(t)
	bed, err := s.bed()
	require.NoError(t, err)
	require.Equal(t, "redis://default:"+s.record.RedisPassword+"@10.88.0.1:6379/0", bed.Redis.URL())
	require.Equal(t, "postgres://kubernaut:"+s.record.PostgresPassword+"@10.88.0.1:5432/kubernaut?sslmode=disable", bed.Postgres.URL())
	require.Equal(t, "http://10.88.0.1:9093", bed.Alertmanager.URL())
	require.NotEqual(t, s.record.RedisPassword, s.record.PostgresPassword)
	for _, service := range []*Service{bed.Redis, bed.Postgres} {
		line := strings.Join(service.program.Args, " ")
		require.NotContains(t, line, s.record.RedisPassword)
		require.NotContains(t, line, s.record.PostgresPassword)
		require.NotNil(t, service.program.User, "%s must not run as root", service.program.Name)
	}
}

func TestTheIngressNamesKnativeServices(t *testing.T) {
	ingress := Ingress{URL: "http://10.96.0.80", Domain: "localhost"}
	require.Equal(t, "gateway.kubernaut-system.localhost", ingress.Host("gateway", "kubernaut-system"))
}
