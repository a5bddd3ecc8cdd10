package event

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatLooksLikeACredentialIsTakenOut(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"nothing":                         {"", ""},
		"a text without any":              {"Pod shop/cart-5d8c is restarting 0.2 times / 10 minutes.", "Pod shop/cart-5d8c is restarting 0.2 times / 10 minutes."},
		"a link":                          {"see https://runbooks.example/kube#crash", "see https://runbooks.example/kube#crash"},
		"a private key":                   {"x -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- y", "x [redacted] y"},
		"a private key that was cut":      {"-----BEGIN PRIVATE KEY-----\nMIIE", "[redacted]"},
		"a bearer token":                  {"Authorization failed: BEARER abc.def-ghi", "Authorization failed: BEARER [redacted]"},
		"basic credentials":               {"sent Basic dXNlcjpwYXNz to it", "sent Basic [redacted] to it"},
		"a password":                      {`DB_PASSWORD="hunter 2", next`, "DB_PASSWORD=[redacted], next"},
		"a key of an API, in any case":    {"x-Api-Key: 0123", "x-Api-Key: [redacted]"},
		"a session":                       {"sessionid=42; path=/", "sessionid=[redacted]; path=/"},
		"a user in an address":            {"https://robot:s3cr3t@registry.example/v2", "https://[redacted]@registry.example/v2"},
		"a JSON web token":                {"got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "got [redacted]"},
		"an access key":                   {"AKIAIOSFODNN7EXAMPLE is denied", "[redacted] is denied"},
		"a token of a forge":              {"ghp_0123456789abcdefghijkl is revoked", "[redacted] is revoked"},
		"a word with letters of no ASCII": {"pa\u017f\u017fword=hunter2", "pa\u017f\u017fword=[redacted]"},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, Redact(c.text)) })
	}
}

// FuzzRedact: what is not looked through with a pattern has nothing that it matches.
func FuzzRedact(f *testing.F) {
	for _, seed := range []string{"", "Bearer 0123456", "to\u212Aen: x", "KEY", "a@b", "http://a@b", "eyJ", "PWD =x", "ghs_", "ASIA", "-----BEGIN X-----"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		want := text
		for _, s := range secrets {
			want = s.pattern.ReplaceAllString(want, s.with)
		}
		require.Equal(t, want, Redact(text))
	})
}

func BenchmarkRedact(b *testing.B) {
	text := strings.Repeat("Pod shop/cart-5d8c is restarting 0.2 times in ten minutes: see https://runbooks.example/kube. ", 5)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		Redact(text)
	}
}
