package bed

import (
	"fmt"
	"os"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// The components that talk to the API server, each under its own name.
var clients = map[string]identity{
	"controller-manager": {User: "system:kube-controller-manager"},
	"scheduler":          {User: "system:kube-scheduler"},
	"kube-proxy":         {User: "system:kube-proxy"},
	"kubelet":            {User: "system:node:" + nodeName, Groups: []string{"system:nodes"}},
	"coredns":            {User: dnsUser},
	// kwok plays nodes, kubelets and pods of any kind.
	"kwok": {User: "kubernaut:kwok", Groups: []string{"system:masters"}},
}

// apiURL is where everything finds the API server.
func apiURL() string { return fmt.Sprintf("https://%s:%d", gateway, portAPI) }

// writeKubeconfigs writes one for each component, and the administrator's at
// layout.kubeconfig. All hold their keys, so all are root's alone.
func writeKubeconfigs(l layout, ca *authority) error {
	admin := identity{User: "kubernaut-admin", Groups: []string{"system:masters"}}
	if err := writeKubeconfig(l.kubeconfig(), ca, admin); err != nil {
		return err
	}
	for component, who := range clients {
		if err := writeKubeconfig(l.config(component), ca, who); err != nil {
			return err
		}
	}
	return nil
}

func writeKubeconfig(path string, ca *authority, who identity) error {
	pair, err := ca.issue(who)
	if err != nil {
		return err
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["bed"] = &clientcmdapi.Cluster{Server: apiURL(), CertificateAuthorityData: ca.Certificate}
	config.AuthInfos[who.User] = &clientcmdapi.AuthInfo{ClientCertificateData: pair.Certificate, ClientKeyData: pair.Key}
	config.Contexts["bed"] = &clientcmdapi.Context{Cluster: "bed", AuthInfo: who.User}
	config.CurrentContext = "bed"
	content, err := clientcmd.Write(*config)
	if err != nil {
		return fmt.Errorf("encode kubeconfig of %s: %w", who.User, err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return fmt.Errorf("write kubeconfig of %s: %w", who.User, err)
	}
	return nil
}
