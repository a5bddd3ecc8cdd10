package bed

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/tools/clientcmd"
)

func TestCertificatesAreWhatComponentsAskOfThem(t *testing.T) {
	l := layout(t.TempDir())
	require.NoError(t, l.make())
	now := time.Now()
	files, err := writePKI(l, now)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	authority, err := os.ReadFile(files.Authority)
	require.NoError(t, err)
	require.True(t, pool.AppendCertsFromPEM(authority))

	cases := []struct {
		what, certificate, key string
		names                  []string
		usage                  x509.ExtKeyUsage
		user                   string
		groups                 []string
	}{
		{what: "the API server by every name that pods and processes use", certificate: files.ServerCertificate, key: files.ServerKey,
			names: []string{"kubernetes.default.svc", "kubernetes.default.svc.cluster.local", gateway, firstService, "127.0.0.1"},
			usage: x509.ExtKeyUsageServerAuth, user: "kube-apiserver"},
		{what: "the kubelet by its address", certificate: files.KubeletCertificate, key: files.KubeletKey,
			names: []string{gateway}, usage: x509.ExtKeyUsageServerAuth, user: "kubelet"},
		{what: "the API server to the kubelet, as a master", certificate: files.ToKubeletCertificate, key: files.ToKubelet,
			usage: x509.ExtKeyUsageClientAuth, user: "kube-apiserver", groups: []string{"system:masters"}},
	}
	for _, c := range cases {
		t.Run(c.what, func(t *testing.T) {
			_, err := tls.LoadX509KeyPair(c.certificate, c.key)
			require.NoError(t, err, "the key fits")
			certificate := readCertificate(t, c.certificate)
			_, err = certificate.Verify(x509.VerifyOptions{Roots: pool, KeyUsages: []x509.ExtKeyUsage{c.usage}, CurrentTime: now})
			require.NoError(t, err)
			for _, name := range c.names {
				require.NoError(t, certificate.VerifyHostname(name), name)
			}
			require.Equal(t, c.user, certificate.Subject.CommonName)
			require.Equal(t, c.groups, certificate.Subject.Organization)
		})
	}
}

func TestKeysAndKubeconfigsAreTheOwnersAlone(t *testing.T) {
	l := layout(t.TempDir())
	require.NoError(t, l.make())
	files, err := writePKI(l, time.Now())
	require.NoError(t, err)
	require.NoError(t, writeKubeconfigs(l, files.authority))
	secrets := []string{files.ServerKey, files.KubeletKey, files.ToKubelet, files.ServiceAccountKey, l.kubeconfig()}
	for component := range clients {
		secrets = append(secrets, l.config(component))
	}
	for _, path := range secrets {
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), path)
	}
}

func TestEachComponentIsItself(t *testing.T) {
	l := layout(t.TempDir())
	require.NoError(t, l.make())
	files, err := writePKI(l, time.Now())
	require.NoError(t, err)
	require.NoError(t, writeKubeconfigs(l, files.authority))
	for component, who := range clients {
		config, err := clientcmd.BuildConfigFromFlags("", l.config(component))
		require.NoError(t, err)
		require.Equal(t, apiURL(), config.Host)
		block, _ := pem.Decode(config.CertData)
		require.NotNil(t, block)
		certificate, err := x509.ParseCertificate(block.Bytes)
		require.NoError(t, err)
		require.Equal(t, who.User, certificate.Subject.CommonName, component)
		require.ElementsMatch(t, who.Groups, certificate.Subject.Organization, component)
	}
}

func TestAnAddressThatIsNoneIsRefused(t *testing.T) {
	ca, err := newAuthority(time.Now())
	require.NoError(t, err)
	_, err = ca.issue(identity{User: "x", IPs: []string{"10.88.0"}})
	require.ErrorContains(t, err, "not an IP address")
}

func readCertificate(t *testing.T, path string) *x509.Certificate {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	block, _ := pem.Decode(content)
	require.NotNil(t, block)
	certificate, err := x509.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	return certificate
}
