package caller

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// IngressHeader is where an ingress says its secret.
const IngressHeader = "X-Kubernaut-Ingress"

// certificates accepts client certificates with one of the names.
type certificates struct {
	names map[string]bool
	// header is where an ingress forwards certificates; empty is nowhere.
	header      string
	ingress     *secretFile
	authorities *secretFile
	now         func() time.Time
}

func (c *certificates) judge(r *http.Request) (string, error) {
	name, err := c.own(r)
	if !errors.Is(err, errAbsent) && err != nil {
		return "", err
	}
	forwarded, ferr := c.forwarded(r)
	if errors.Is(ferr, errAbsent) {
		return name, err
	}
	return forwarded, ferr
}

// own judges the certificate of this server's own TLS.
func (c *certificates) own(r *http.Request) (string, error) {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return "", errAbsent
	}
	if len(r.TLS.VerifiedChains) == 0 || len(r.TLS.VerifiedChains[0]) == 0 {
		return "", unauthorized(ReasonUntrustedCertificate, "The client certificate was not verified.")
	}
	leaf := r.TLS.VerifiedChains[0][0]
	// A connection may outlive the certificate that opened it.
	if now := c.now(); now.After(leaf.NotAfter) || now.Before(leaf.NotBefore) {
		return "", unauthorized(ReasonUntrustedCertificate, "The client certificate is not valid now.")
	}
	return c.named(leaf)
}

// forwarded judges the certificate that an ingress says it has seen.
func (c *certificates) forwarded(r *http.Request) (string, error) {
	if c.header == "" || len(r.Header.Values(c.header)) == 0 {
		return "", errAbsent
	}
	if err := c.vouched(r); err != nil {
		return "", err
	}
	values := r.Header.Values(c.header)
	if len(values) > 1 || len(values[0]) > maxCredential {
		return "", unauthorized(ReasonMalformedCredential, "The header "+c.header+" is there more than once, or too long.")
	}
	leaf, err := parseCertificate(values[0])
	if err != nil {
		return "", unauthorized(ReasonMalformedCredential, "The header "+c.header+" holds no certificate: forward it as PEM, URL-encoded, or as DER in base64.")
	}
	pool, err := c.pool()
	if err != nil {
		return "", unanswered(err)
	}
	_, err = leaf.Verify(x509.VerifyOptions{Roots: pool, CurrentTime: c.now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	if err != nil {
		return "", unauthorized(ReasonUntrustedCertificate, "The client certificate is expired, not for clients, or of no authority that is known here.")
	}
	return c.named(leaf)
}

// vouched is nil if the ingress says its secret.
func (c *certificates) vouched(r *http.Request) error {
	lines, err := c.ingress.secrets()
	if err != nil {
		return unanswered(err)
	}
	values := r.Header.Values(IngressHeader)
	if len(values) == 1 && len(values[0]) <= maxCredential {
		if _, ok := match(lines, values[0]); ok {
			return nil
		}
	}
	return unauthorized(ReasonUntrustedIngress, "A forwarded certificate counts only beside the ingress's secret in "+IngressHeader+".")
}

var errNoAuthority = errors.New("the file client-ca holds no certificate")

// pool are the authorities. It is made for each request, which is rare.
func (c *certificates) pool() (*x509.CertPool, error) {
	text, err := readBounded(c.authorities.path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(text)) {
		return nil, errNoAuthority
	}
	return pool, nil
}

// named finds an allowed name among the certificate's.
func (c *certificates) named(leaf *x509.Certificate) (string, error) {
	names := append([]string{leaf.Subject.CommonName}, leaf.DNSNames...)
	names = append(names, leaf.EmailAddresses...)
	for _, u := range leaf.URIs {
		names = append(names, u.String())
	}
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	for _, name := range names {
		if name != "" && c.names[name] {
			return KindCertificate + ":" + name, nil
		}
	}
	return "", forbidden(ReasonNotAllowed, "No name of the client certificate may post signals: list it in GATEWAY_CLIENTS.")
}

var errNoCertificate = errors.New("not a certificate")

// parseCertificate reads what ingresses forward: PEM in URL encoding (nginx),
// DER in base64 (Traefik), the same between colons (RFC 9440), or Envoy's list
// of one element, which has PEM in its Cert.
func parseCertificate(value string) (*x509.Certificate, error) {
	value = strings.Trim(value, " :")
	if cert, ok := envoyCert(value); ok {
		value = cert
	}
	if strings.Contains(value, "%") || strings.HasPrefix(value, "-----") {
		text, err := url.PathUnescape(value)
		if err != nil {
			return nil, errNoCertificate
		}
		block, rest := pem.Decode([]byte(text))
		if block == nil || block.Type != "CERTIFICATE" || strings.TrimSpace(string(rest)) != "" {
			return nil, errNoCertificate
		}
		return parseDER(block.Bytes)
	}
	der, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		return nil, errNoCertificate
	}
	return parseDER(der)
}

// parseDER drops the parser's error, which may repeat what was sent.
func parseDER(der []byte) (*x509.Certificate, error) {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, errNoCertificate
	}
	return cert, nil
}

// envoyCert takes the Cert of X-Forwarded-Client-Cert. Several elements mean
// that the first was sent by the client itself: those are not read.
func envoyCert(value string) (string, bool) {
	_, rest, ok := strings.Cut(value, `Cert="`)
	if !ok || strings.Contains(value, ",") || strings.Count(value, `Cert="`) != 1 {
		return "", false
	}
	cert, _, ok := strings.Cut(rest, `"`)
	return cert, ok
}
