package caller

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestOfSeveralCredentialsTheFirstKindNamesTheCaller goes by the order in which
// the kinds are documented: what the sender writes, the connection, the machine.
func TestOfSeveralCredentialsTheFirstKindNamesTheCaller(t *testing.T) {
	a := newAuthority(t)
	leaf := a.client(t, named("alertmanager"))
	g := newGuard(t, Options{Kinds: []string{KindLoopback, KindCertificate, KindToken}, Clients: []string{"alertmanager"},
		Dir: credentials(t, map[string]string{FileTokens: planted})})
	for name, test := range map[string]struct {
		token, certificate, here bool
		want                     string
	}{
		"all three":                              {true, true, true, "token"},
		"a token over a certificate":             {true, true, false, "token"},
		"a token on this machine":                {true, false, true, "token"},
		"a certificate on this machine":          {false, true, true, "certificate:alertmanager"},
		"this machine alone":                     {false, false, true, "loopback"},
		"a certificate alone":                    {false, true, false, "certificate:alertmanager"},
		"a token alone, from wherever it may be": {true, false, false, "token"},
	} {
		t.Run(name, func(t *testing.T) {
			r := post(t)
			if test.token {
				r.Header.Set("Authorization", "Bearer "+planted)
			}
			if test.certificate {
				r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}, VerifiedChains: [][]*x509.Certificate{{leaf, a.cert}}}
			}
			if test.here {
				r.RemoteAddr, r.Host = "127.0.0.1:4711", "127.0.0.1:8080"
			}
			require.Equal(t, outcome{name: test.want}, head(t, g, r))
		})
	}
}

func TestOfSeveralThatCannotSayTheFirstIsToldOf(t *testing.T) {
	dir := credentials(t, map[string]string{FileTokens: planted})
	g := newGuard(t, Options{Kinds: []string{KindToken, KindServiceAccount}, Dir: dir, Reviewer: &reviewers{who: errDown}})
	require.NoError(t, os.Remove(filepath.Join(dir, FileTokens)))
	_, err := g.Head(post(t, bearer_("a.b.c")...))
	var no *Refusal
	require.ErrorAs(t, err, &no)
	require.Equal(t, ReasonUnanswered, no.Reason)
	require.ErrorIs(t, no.Cause, os.ErrNotExist)
	require.False(t, errors.Is(no.Cause, errDown))
}
