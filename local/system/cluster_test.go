package system

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"kubernaut.ai/local/simulation"
)

// clusters starts API servers and makes of them one kubeconfig, whose current
// context is the first of them.
func clusters(t *testing.T, names ...string) (map[string]*simulation.Cluster, string) {
	t.Helper()
	all, started := clientcmdapi.NewConfig(), map[string]*simulation.Cluster{}
	for _, name := range names {
		c, err := simulation.Start(t.Context(), simulation.Options{})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, c.Close()) })
		started[name] = c
		file := filepath.Join(t.TempDir(), "kubeconfig")
		require.NoError(t, c.WriteKubeconfig(file))
		one, err := clientcmd.LoadFromFile(file)
		require.NoError(t, err)
		was := one.Contexts[one.CurrentContext]
		all.Clusters[name], all.AuthInfos[name] = one.Clusters[was.Cluster], one.AuthInfos[was.AuthInfo]
		all.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	}
	all.CurrentContext = names[0]
	file := filepath.Join(t.TempDir(), "config")
	require.NoError(t, clientcmd.WriteToFile(*all, file))
	return started, file
}

func TestTheContextThatIsNamedIsWorkedOn(t *testing.T) {
	there, file := clusters(t, "first", "second")
	for name, c := range map[string]struct {
		env     string
		options Options
		kubectl string
	}{
		"of the kubeconfig that kubectl uses":             {file, Options{Context: "second"}, "kubectl --context second"},
		"of one among several that kubectl uses":          {os.DevNull + string(os.PathListSeparator) + file, Options{Context: "second"}, "kubectl --context second"},
		"of the kubeconfig that is named":                 {"/nowhere", Options{Kubeconfig: file, Context: "second"}, "kubectl --kubeconfig " + file + " --context second"},
		"where only the kubeconfig is named, its current": {"/nowhere", Options{Kubeconfig: file}, "kubectl --kubeconfig " + file},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("KUBECONFIG", c.env)
			want := there["second"]
			if c.options.Context == "" {
				want = there["first"]
			}
			c.options.Root, c.options.Dir, c.options.LogLevel, c.options.DryRun = "../..", t.TempDir(), "fatal", true
			s, err := Start(t.Context(), c.options)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, s.Close(t.Context())) })
			require.Nil(t, s.Cluster(), "nothing is simulated")
			require.Contains(t, s.Where(), want.URL())
			require.Equal(t, c.kubectl, s.Kubectl())
			require.NoFileExists(t, filepath.Join(c.options.Dir, kubeconfigFile), "nobody's credentials are copied")
		})
	}
}

func TestAClusterThatCannotBeReachedIsSaidAtOnce(t *testing.T) {
	there, file := clusters(t, "first", "second")
	require.NoError(t, there["second"].Close())
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, []byte(strings.ReplaceAll(string(text), there["second"].URL(), "https://127.0.0.1:1")), 0o600))
	for name, c := range map[string]struct {
		env     string
		options Options
		says    []string
	}{
		"a context that is not there":    {file, Options{Context: "third"}, []string{`"third"`, "there are the contexts first, second"}},
		"no kubeconfig at all":           {"/nowhere", Options{Context: "second"}, []string{"second"}},
		"a file that is not there":       {file, Options{Kubeconfig: "/nowhere"}, []string{"/nowhere"}},
		"a cluster that does not answer": {file, Options{Context: "second"}, []string{"the cluster of context second, https://127.0.0.1:1 does not answer", "try kubectl --context second get --raw /version"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("KUBECONFIG", c.env)
			c.options.Root, c.options.Dir, c.options.LogLevel = "../..", t.TempDir(), "fatal"
			_, err := Start(t.Context(), c.options)
			require.Error(t, err)
			for _, words := range c.says {
				require.ErrorContains(t, err, words)
			}
		})
	}
}
