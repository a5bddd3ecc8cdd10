package bed

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"
)

// certificateLife outlasts any bed, and no more.
const certificateLife = 30 * 24 * time.Hour

// clockSkew is how far back a certificate is valid: a fresh one must not be "not
// yet valid" to whoever rounds the time down.
const clockSkew = time.Hour

// identity is whom a certificate names: a user with groups, a server with
// addresses, or both.
type identity struct {
	User   string
	Groups []string
	DNS    []string
	IPs    []string
}

// keypair is a certificate and its key, PEM encoded.
type keypair struct{ Certificate, Key []byte }

// authority signs the bed's certificates. One authority serves servers and
// clients alike: the bed has one owner.
type authority struct {
	keypair
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	now         time.Time
}

// newAuthority makes a self-signed authority whose certificates are valid from
// clockSkew before now for certificateLife.
func newAuthority(now time.Time) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	template, err := certificateTemplate(now)
	if err != nil {
		return nil, err
	}
	template.Subject = pkix.Name{CommonName: "kubernaut-bed"}
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = nil
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("sign authority: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("parse authority: %w", err)
	}
	encoded, err := encodeKeypair(der, key)
	if err != nil {
		return nil, err
	}
	return &authority{keypair: encoded, certificate: certificate, key: key, now: now}, nil
}

// issue signs a certificate for who, good as client and as server.
func (a *authority) issue(who identity) (keypair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return keypair{}, fmt.Errorf("make key of %s: %w", who.User, err)
	}
	template, err := certificateTemplate(a.now)
	if err != nil {
		return keypair{}, err
	}
	template.Subject = pkix.Name{CommonName: who.User, Organization: who.Groups}
	template.DNSNames = who.DNS
	for _, text := range who.IPs {
		ip := net.ParseIP(text)
		if ip == nil {
			return keypair{}, fmt.Errorf("read address %q of %s: not an IP address", text, who.User)
		}
		template.IPAddresses = append(template.IPAddresses, ip)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		return keypair{}, fmt.Errorf("sign certificate of %s: %w", who.User, err)
	}
	return encodeKeypair(der, key)
}

func certificateTemplate(now time.Time) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("make serial number: %w", err)
	}
	return &x509.Certificate{
		SerialNumber: serial,
		NotBefore:    now.Add(-clockSkew),
		NotAfter:     now.Add(certificateLife),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}, nil
}

func encodeKeypair(der []byte, key *ecdsa.PrivateKey) (keypair, error) {
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return keypair{}, fmt.Errorf("encode key: %w", err)
	}
	return keypair{
		Certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		Key:         pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}),
	}, nil
}

// pkiFiles are the files that components are told to read.
type pkiFiles struct {
	Authority                                    string
	ServerCertificate, ServerKey                 string
	KubeletCertificate, KubeletKey               string
	ToKubeletCertificate, ToKubelet              string
	ServiceAccountCertificate, ServiceAccountKey string
	authority                                    *authority
}

// writePKI makes every certificate of the bed below the state folder.
func writePKI(l layout, now time.Time) (*pkiFiles, error) {
	ca, err := newAuthority(now)
	if err != nil {
		return nil, err
	}
	files := &pkiFiles{
		Authority:            l.path("pki", "authority.crt"),
		ServerCertificate:    l.path("pki", "server.crt"),
		ServerKey:            l.path("pki", "server.key"),
		KubeletCertificate:   l.path("pki", "kubelet.crt"),
		KubeletKey:           l.path("pki", "kubelet.key"),
		ToKubeletCertificate: l.path("pki", "to-kubelet.crt"),
		ToKubelet:            l.path("pki", "to-kubelet.key"),
		// The API server reads public keys from certificates.
		ServiceAccountCertificate: l.path("pki", "service-account.crt"),
		ServiceAccountKey:         l.path("pki", "service-account.key"),
		authority:                 ca,
	}
	kubernetes := []string{"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc." + domain, "localhost"}
	issued := []struct {
		who              identity
		certificate, key string
	}{
		{identity{User: "kube-apiserver", DNS: kubernetes, IPs: []string{gateway, firstService, "127.0.0.1"}}, files.ServerCertificate, files.ServerKey},
		{identity{User: "kubelet", DNS: []string{nodeName}, IPs: []string{gateway}}, files.KubeletCertificate, files.KubeletKey},
		// The API server reaches the kubelet as one of its masters.
		{identity{User: "kube-apiserver", Groups: []string{"system:masters"}}, files.ToKubeletCertificate, files.ToKubelet},
		{identity{User: "service-accounts"}, files.ServiceAccountCertificate, files.ServiceAccountKey},
	}
	if err := os.WriteFile(files.Authority, ca.Certificate, 0o644); err != nil {
		return nil, fmt.Errorf("write authority: %w", err)
	}
	for _, one := range issued {
		pair, err := ca.issue(one.who)
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(one.certificate, pair.Certificate, 0o644); err != nil {
			return nil, fmt.Errorf("write certificate: %w", err)
		}
		if err := os.WriteFile(one.key, pair.Key, 0o600); err != nil {
			return nil, fmt.Errorf("write key: %w", err)
		}
	}
	return files, nil
}
