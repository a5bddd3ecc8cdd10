package cluster_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"kubernaut.ai/shared/cluster"
)

func TestTheClusterIsTheOneThatIsNamed(t *testing.T) {
	config := clientcmdapi.NewConfig()
	for _, name := range []string{"first", "second"} {
		config.Clusters[name] = &clientcmdapi.Cluster{Server: "https://" + name + ".example"}
		config.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: name}
		config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	}
	config.CurrentContext = "first"
	file := filepath.Join(t.TempDir(), "config")
	require.NoError(t, clientcmd.WriteToFile(*config, file))
	for name, c := range map[string]struct {
		env       string
		options   cluster.Options
		host, err string
	}{
		"a file's current context":             {options: cluster.Options{Kubeconfig: file}, host: "https://first.example"},
		"another context of a file":            {options: cluster.Options{Kubeconfig: file, Context: "second"}, host: "https://second.example"},
		"a context of kubectl's files":         {env: "/nowhere" + string(os.PathListSeparator) + file, options: cluster.Options{Context: "second"}, host: "https://second.example"},
		"a file wins over kubectl's":           {env: "/nowhere", options: cluster.Options{Kubeconfig: file, Context: "second"}, host: "https://second.example"},
		"a context that no file has":           {env: file, options: cluster.Options{Context: "third"}, err: "third"},
		"nothing, where there is no Pod":       {env: file, err: "unable to load in-cluster configuration"},
		"a context, of which there is no file": {env: "/nowhere", options: cluster.Options{Context: "second"}, err: "second"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("KUBECONFIG", c.env)
			t.Setenv("KUBERNETES_SERVICE_HOST", "")
			c.options.Stage = "enrich"
			got, err := cluster.Connect(c.options)
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.host, got.REST.Host)
		})
	}
}
