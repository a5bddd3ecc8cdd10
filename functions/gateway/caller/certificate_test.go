package caller

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// authority signs certificates.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority(t testing.TB) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	at := newClock().now()
	a := authority{key: key, cert: &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, NotBefore: at.Add(-time.Hour), NotAfter: at.Add(24 * time.Hour)}}
	a.cert = a.sign(t, a.cert)
	return a
}

func (a authority) sign(t testing.TB, leaf *x509.Certificate) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, leaf, a.cert, &a.key.PublicKey, a.key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return cert
}

// client is a certificate for clients, changed as the test says.
func (a authority) client(t testing.TB, change func(*x509.Certificate)) *x509.Certificate {
	at := newClock().now()
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: at.Add(-time.Minute), NotAfter: at.Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	change(leaf)
	return a.sign(t, leaf)
}

func (a authority) pem() string { return pemOf(a.cert) }

func pemOf(c *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
}

func authorityPEM(t testing.TB) string { return newAuthority(t).pem() }

func named(name string) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.Subject.CommonName = name }
}

func uri(t testing.TB, text string) func(*x509.Certificate) {
	u, err := url.Parse(text)
	require.NoError(t, err)
	return func(c *x509.Certificate) { c.URIs = []*url.URL{u} }
}

func TestWhoMayPostByACertificateOfTheServersOwnTLS(t *testing.T) {
	a := newAuthority(t)
	g := newGuard(t, Options{Kinds: []string{KindCertificate}, Clients: []string{"alertmanager", "am.monitoring.svc", "spiffe://x/am"}})
	untrusted := outcome{status: 401, reason: ReasonUntrustedCertificate}
	verified := func(c *x509.Certificate) *tls.ConnectionState {
		return &tls.ConnectionState{PeerCertificates: []*x509.Certificate{c}, VerifiedChains: [][]*x509.Certificate{{c, a.cert}}}
	}
	good := a.client(t, named("alertmanager"))
	for name, test := range map[string]struct {
		state *tls.ConnectionState
		want  outcome
	}{
		"the common name":                   {verified(good), outcome{name: "certificate:alertmanager"}},
		"a DNS name":                        {verified(a.client(t, func(c *x509.Certificate) { c.DNSNames = []string{"other", "am.monitoring.svc"} })), outcome{name: "certificate:am.monitoring.svc"}},
		"a URI":                             {verified(a.client(t, uri(t, "spiffe://x/am"))), outcome{name: "certificate:spiffe://x/am"}},
		"another name":                      {verified(a.client(t, named("grafana"))), outcome{status: 403, reason: ReasonNotAllowed}},
		"no name":                           {verified(a.client(t, func(*x509.Certificate) {})), outcome{status: 403, reason: ReasonNotAllowed}},
		"a certificate that nobody checked": {&tls.ConnectionState{PeerCertificates: []*x509.Certificate{good}}, untrusted},
		"one that has expired meanwhile":    {verified(a.client(t, func(c *x509.Certificate) { named("alertmanager")(c); c.NotAfter = newClock().now().Add(-time.Second) })), untrusted},
		"one that is not valid yet":         {verified(a.client(t, func(c *x509.Certificate) { named("alertmanager")(c); c.NotBefore = newClock().now().Add(time.Second) })), untrusted},
		"TLS without a certificate":         {&tls.ConnectionState{}, outcome{status: 401, reason: ReasonNoCredential}},
		"no TLS":                            {nil, outcome{status: 401, reason: ReasonNoCredential}},
	} {
		t.Run(name, func(t *testing.T) {
			r := post(t, "X-Client", "a header that is not in use")
			r.TLS = test.state
			require.Equal(t, test.want, head(t, g, r))
		})
	}
}

func TestWhoMayPostByACertificateThatAnIngressForwards(t *testing.T) {
	a, stranger := newAuthority(t), newAuthority(t)
	good := a.client(t, named("alertmanager"))
	inBase64 := base64.StdEncoding.EncodeToString(good.Raw)
	inURL := url.PathEscape(pemOf(good))
	forward := func(value string) []string { return []string{IngressHeader, planted, "X-Client", value} }
	untrusted := outcome{status: 401, reason: ReasonUntrustedCertificate}
	malformed := outcome{status: 401, reason: ReasonMalformedCredential}
	noIngress := outcome{status: 401, reason: ReasonUntrustedIngress}
	known := outcome{name: "certificate:alertmanager"}
	expired := func(c *x509.Certificate) { named("alertmanager")(c); c.NotAfter = newClock().now().Add(-time.Second) }
	server := func(c *x509.Certificate) {
		named("alertmanager")(c)
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	der := func(c *x509.Certificate) string { return base64.StdEncoding.EncodeToString(c.Raw) }
	for name, test := range map[string]struct {
		headers []string
		want    outcome
	}{
		"DER in base64":                           {forward(inBase64), known},
		"the same between colons":                 {forward(":" + inBase64 + ":"), known},
		"PEM in URL encoding":                     {forward(inURL), known},
		"Envoy's element":                         {forward(`By=spiffe://x;Hash=00;Cert="` + inURL + `";Subject="CN=alertmanager"`), known},
		"two of Envoy's elements":                 {forward(`Cert="` + inURL + `",Cert="` + inURL + `"`), malformed},
		"without the ingress's secret":            {[]string{"X-Client", inBase64}, noIngress},
		"with a wrong secret":                     {[]string{IngressHeader, "wrong", "X-Client", inBase64}, noIngress},
		"with an empty secret":                    {[]string{IngressHeader, "", "X-Client", inBase64}, noIngress},
		"with two secrets, of which one is right": {[]string{IngressHeader, "wrong", IngressHeader, planted, "X-Client", inBase64}, noIngress},
		"two certificates":                        {append(forward(inBase64), "X-Client", inBase64), malformed},
		"the ingress's secret alone":              {[]string{IngressHeader, planted}, outcome{status: 401, reason: ReasonNoCredential}},
		"an empty certificate":                    {forward(""), malformed},
		"something else":                          {forward("alertmanager"), malformed},
		"a broken URL encoding":                   {forward("%zz"), malformed},
		"two certificates in one PEM":             {forward(url.PathEscape(pemOf(good) + pemOf(good))), malformed},
		"a key in place of a certificate":         {forward(url.PathEscape(strings.ReplaceAll(pemOf(good), "CERTIFICATE", "PRIVATE KEY"))), malformed},
		"a header that is longer than allowed":    {forward(strings.Repeat("A", maxCredential+1)), malformed},
		"an expired certificate":                  {forward(der(a.client(t, expired))), untrusted},
		"a certificate for servers":               {forward(der(a.client(t, server))), untrusted},
		"a certificate of another authority":      {forward(der(stranger.client(t, named("alertmanager")))), untrusted},
		"another name":                            {forward(der(a.client(t, named("grafana")))), outcome{status: 403, reason: ReasonNotAllowed}},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGuard(t, Options{Kinds: []string{KindCertificate}, Clients: []string{"alertmanager"}, ClientHeader: "X-Client",
				Dir: credentials(t, map[string]string{FileIngress: planted, FileAuthorities: a.pem()})})
			require.Equal(t, test.want, head(t, g, post(t, test.headers...)))
		})
	}
	for _, file := range []string{FileIngress, FileAuthorities} {
		dir := credentials(t, map[string]string{FileIngress: planted, FileAuthorities: a.pem()})
		g := newGuard(t, Options{Kinds: []string{KindCertificate}, Clients: []string{"alertmanager"}, ClientHeader: "X-Client", Dir: dir})
		require.NoError(t, os.Remove(filepath.Join(dir, file)))
		require.Equal(t, outcome{status: 503, reason: ReasonUnanswered}, head(t, g, post(t, forward(inBase64)...)), "without the file %s", file)
	}
}
