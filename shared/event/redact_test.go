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
		"a password in JSON":              {`{"user":"bob","password":"hunter2"}`, `{"user":"bob","password":[redacted]}`},
		"a password with a quote in it":   {`{"password":"hunt\"er 2","user":"bob"}`, `{"password":[redacted],"user":"bob"}`},
		"a password in JSON in JSON":      {`{"body":"{\"user\":\"bob\",\"password\":\"hunter2\"}"}`, `{"body":"{\"user\":\"bob\",\"password\":[redacted]}"}`},
		"one that has a quote itself":     {`{"body":"{\"password\": \"hunt\\\"er 2\",\"user\":\"bob\"}"}`, `{"body":"{\"password\": [redacted],\"user\":\"bob\"}"}`},
		"a password in JSON, twice in it": {`"{\"b\":\"{\\\"password\\\":\\\"hunter 2\\\",\\\"a\\\":1}\"}"`, `"{\"b\":\"{\\\"password\\\":[redacted],\\\"a\\\":1}\"}"`},
		"a password that was cut":         {`{\"password\":\"hunter 2 and`, `{\"password\":[redacted]`},
		"a password in a quoted command":  {`sh -c "login --password=\"hunter 2\" --user=bob"`, `sh -c "login --password=[redacted] --user=bob"`},
		"a password that is a number":     {`{\"password\":42,\"user\":1}`, `{\"password\":[redacted],\"user\":1}`},
		"a header of any scheme":          {"Authorization: Token s3cr3t42", "Authorization: [redacted]"},
		"a header of a short key":         {"authorization: ApiKey abc\nHost: a", "authorization: [redacted]\nHost: a"},
		"a bearer token in its header":    {"Authorization: Bearer abc.def-ghi", "Authorization: [redacted]"},
		"a header's parameters":           {`Proxy-Authorization: Digest username="bob", realm="x", response="66e9", the end`, `Proxy-Authorization: [redacted], the end`},
		"a header with a signature":       {"Authorization: AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=fe5f", "Authorization: [redacted]"},
		"a header in a quoted command":    {`curl -H "Authorization: Token s3cr3t42" -H 'Cookie: a=b; c=d' http://a`, `curl -H "Authorization: [redacted]" -H 'Cookie: [redacted]' http://a`},
		"a header in JSON":                {`{"Authorization":"Token s3cr3t42","Host":"a"}`, `{"Authorization":[redacted],"Host":"a"}`},
		"a header in a command in JSON":   {`{"c":"curl -H \"Authorization: Token s3cr3t42\" http://a"}`, `{"c":"curl -H \"Authorization: [redacted]\" http://a"}`},
		"a list of headers":               {`map[Authorization:[Token s3cr3t42]]`, `map[Authorization:[redacted]`},
		"cookies":                         {"Cookie: a=b; sid=s3cr3t\nHost: a", "Cookie: [redacted]\nHost: a"},
		"a cookie that is set":            {`set-cookie: sid="a b"; Path=/; HttpOnly`, "set-cookie: [redacted]"},
		"a scheme behind another name":    {"X-Auth-Token: Token abc def", "X-Auth-Token: [redacted] def"},
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
	for _, seed := range []string{"", "Bearer 0123456", "to\u212Aen: x", "KEY", "a@b", "http://a@b", "eyJ", "PWD =x", "ghs_", "ASIA", "-----BEGIN X-----",
		`{\"password\":\"a\\\"b\"`, "\u212Aey token", `Cookie: a="b", c=d`, "coo\u212Aie: x"} {
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
