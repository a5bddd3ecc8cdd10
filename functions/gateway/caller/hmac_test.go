package caller

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/ledger"
)

func sign(key, body string) []string {
	h := hmac.New(sha256.New, []byte(key))
	h.Write([]byte(body))
	return []string{SignatureHeader, signaturePrefix + hex.EncodeToString(h.Sum(nil))}
}

func fluxBody(at time.Time) string {
	return fmt.Sprintf(`{"involvedObject":{"kind":"Kustomization","timestamp":"2001-01-01T00:00:00Z"},"severity":"error","timestamp":%q}`, at.Format(time.RFC3339))
}

// whole judges head and body, and tells how the request ended.
func whole(t testing.TB, g *Guard, headers []string, body string) (outcome, func(taken bool) error) {
	t.Helper()
	c, err := g.Head(post(t, headers...))
	if err != nil {
		return decided(t, c, err), nil
	}
	done, err := g.Body(t.Context(), c, []byte(body))
	return decided(t, Caller{Name: "signed"}, err), done
}

func TestWhoMayPostByASignature(t *testing.T) {
	key, next := "key-"+planted, "next-"+planted
	c := newClock()
	now := c.now()
	fresh := fluxBody(now.Add(-time.Minute))
	stale := outcome{status: 401, reason: ReasonStaleSignature}
	wrong := outcome{status: 401, reason: ReasonWrongCredential}
	malformed := outcome{status: 401, reason: ReasonMalformedCredential}
	one := func(value string) []string { return []string{SignatureHeader, value} }
	for name, test := range map[string]struct {
		headers []string
		body    string
		want    outcome
	}{
		"a body signed with the key":            {sign(key, fresh), fresh, outcome{name: "signed"}},
		"a body signed with the next key":       {sign(next, fresh), fresh, outcome{name: "signed"}},
		"the same in upper case":                {one(signaturePrefix + strings.ToUpper(sign(key, fresh)[1][7:])), fresh, outcome{name: "signed"}},
		"a body from the edge of the window":    {sign(key, fluxBody(now.Add(-5*time.Minute))), fluxBody(now.Add(-5 * time.Minute)), outcome{name: "signed"}},
		"another key":                           {sign("other", fresh), fresh, wrong},
		"another body":                          {sign(key, fresh), fresh + " ", wrong},
		"an empty key":                          {sign("", fresh), fresh, wrong},
		"a body older than the window":          {sign(key, fluxBody(now.Add(-301*time.Second))), fluxBody(now.Add(-301 * time.Second)), stale},
		"a body from the future":                {sign(key, fluxBody(now.Add(2*time.Minute))), fluxBody(now.Add(2 * time.Minute)), stale},
		"a body without a time":                 {sign(key, "{}"), "{}", stale},
		"a time below the top level only":       {sign(key, `{"a":{"timestamp":"2026-11-22T04:00:00Z"}}`), `{"a":{"timestamp":"2026-11-22T04:00:00Z"}}`, stale},
		"a time that is a number":               {sign(key, `{"timestamp":1}`), `{"timestamp":1}`, stale},
		"a list":                                {sign(key, "[]"), "[]", stale},
		"a body that ends too early":            {sign(key, `{"a":[`), `{"a":[`, stale},
		"a signature of another kind":           {one("sha1=" + strings.Repeat("0", 40)), fresh, malformed},
		"a signature that is too short":         {one("sha256=00"), fresh, malformed},
		"a signature that is no hexadecimal":    {one("sha256=" + strings.Repeat("z", 64)), fresh, malformed},
		"a signature and more":                  {one(sign(key, fresh)[1] + " x"), fresh, malformed},
		"an empty header":                       {one(""), fresh, malformed},
		"a header that is longer than allowed":  {one(strings.Repeat("0", maxCredential+1)), fresh, malformed},
		"two signatures, of which one is right": {append(sign(key, fresh), sign("other", fresh)...), fresh, malformed},
		"no signature":                          {nil, fresh, outcome{status: 401, reason: ReasonNoCredential}},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGuard(t, Options{Kinds: []string{KindHMAC}, Now: c.now, Inbox: inbox(t),
				Dir: credentials(t, map[string]string{FileHMAC: key + "\n" + next + "\n"})})
			got, _ := whole(t, g, test.headers, test.body)
			require.Equal(t, test.want, got)
		})
	}
}

func TestASignedBodyIsTakenOnceByAllInstances(t *testing.T) {
	c := newClock()
	shared := inbox(t)
	instance := func() *Guard {
		return newGuard(t, Options{Kinds: []string{KindHMAC}, Now: c.now, Inbox: shared, Dir: credentials(t, map[string]string{FileHMAC: "key\nnext\n"})})
	}
	first, second := instance(), instance()
	body := fluxBody(c.now())
	got, done := whole(t, first, sign("key", body), body)
	require.Equal(t, outcome{name: "signed"}, got)
	again, _ := whole(t, second, sign("key", body), body)
	require.Equal(t, outcome{status: 503, reason: ReasonUnderWay}, again, "one at a time: the other comes again")

	require.NoError(t, done(false))
	got, done = whole(t, second, sign("key", body), body)
	require.Equal(t, outcome{name: "signed"}, got, "what was not taken is the sender's to post again")
	require.NoError(t, done(true))
	for _, g := range []*Guard{first, second} {
		for _, key := range []string{"key", "next"} {
			got, _ = whole(t, g, sign(key, body), body)
			require.Equal(t, outcome{status: 403, reason: ReasonReplayed}, got)
		}
	}
	other := fluxBody(c.now().Add(-time.Second))
	got, _ = whole(t, first, sign("key", other), other)
	require.Equal(t, outcome{name: "signed"}, got)
	c.advance(DefaultWindow + time.Second)
	got, _ = whole(t, first, sign("key", body), body)
	require.Equal(t, outcome{status: 401, reason: ReasonStaleSignature}, got)
}

// brokenInbox does not answer.
type brokenInbox struct{}

func (brokenInbox) Begin(context.Context, string, string, time.Duration) (ledger.Turn, error) {
	return ledger.Turn{}, errDown
}
func (brokenInbox) Finish(context.Context, ledger.Turn, []byte, time.Duration) error { return errDown }
func (brokenInbox) Release(context.Context, ledger.Turn) error                       { return errDown }

func TestASignatureThatCannotBeCheckedIsNotAccepted(t *testing.T) {
	c := newClock()
	body := fluxBody(c.now())
	g := newGuard(t, Options{Kinds: []string{KindHMAC}, Now: c.now, Inbox: brokenInbox{}, Dir: credentials(t, map[string]string{FileHMAC: "key"})})
	got, _ := whole(t, g, sign("key", body), body)
	require.Equal(t, outcome{status: 503, reason: ReasonUnanswered}, got, "Redis is down")

	dir := credentials(t, map[string]string{FileHMAC: "key"})
	g = newGuard(t, Options{Kinds: []string{KindHMAC}, Now: c.now, Inbox: inbox(t), Dir: dir})
	require.NoError(t, os.Remove(filepath.Join(dir, FileHMAC)))
	got, _ = whole(t, g, sign("key", body), body)
	require.Equal(t, outcome{status: 503, reason: ReasonUnanswered}, got, "the file is gone")
	put(t, filepath.Join(dir, FileHMAC), "")
	got, _ = whole(t, g, sign("key", body), body)
	require.Equal(t, outcome{status: 401, reason: ReasonWrongCredential}, got, "the file is empty")
}

func FuzzTimestamp(f *testing.F) {
	for _, seed := range []string{`{"timestamp":"2026-11-22T04:00:00Z"}`, `{"a":[{"b":1}],"timestamp":"x"}`, `{"timestamp":null}`, `[[`, `{"a":`, ``} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		at, err := timeOf(body)
		require.True(t, err != nil || !at.IsZero() || strings.Contains(string(body), "0001-01-01"))
	})
}

func FuzzHeaders(f *testing.F) {
	for _, seed := range []string{"Bearer x", "Basic YTpi", "Basic", "", "sha256=00", "bearer \x00", "Bearer a.b.c", ":AAAA:", "-----BEGIN%20", `By=a;Cert="%2d"`} {
		f.Add(seed)
	}
	dir := credentials(f, map[string]string{FileTokens: planted, FileUsers: "alice:" + planted, FileHMAC: planted, FileIngress: planted, FileAuthorities: authorityPEM(f)})
	g := newGuard(f, Options{Kinds: []string{KindToken, KindBasic, KindHMAC, KindCertificate}, Dir: dir, Inbox: brokenInbox{},
		Clients: []string{"alice"}, ClientHeader: "X-Client"})
	f.Fuzz(func(t *testing.T, value string) {
		for _, headers := range [][]string{{"Authorization", value}, {SignatureHeader, value}, {IngressHeader, planted, "X-Client", value}} {
			c, err := g.Head(post(t, headers...))
			if err == nil {
				require.Contains(t, []string{"", "token", "basic:alice"}, c.Name)
				require.True(t, c.Known() || c.mac != nil)
				continue
			}
			if !strings.Contains(value, planted) {
				decided(t, c, err)
			}
		}
	})
}
