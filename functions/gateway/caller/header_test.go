package caller

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func basic(pair string) []string {
	return []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(pair))}
}

func TestWhoMayPostByATokenOfTheFile(t *testing.T) {
	g := newGuard(t, Options{Kinds: []string{KindToken}, Dir: credentials(t, map[string]string{
		FileTokens: "# rotated in spring\nnew-" + planted + "\r\n\n  old-" + planted + "  \n"})})
	wrong := outcome{status: 401, reason: ReasonWrongCredential}
	malformed := outcome{status: 401, reason: ReasonMalformedCredential}
	for name, test := range map[string]struct {
		headers []string
		want    outcome
	}{
		"the present token":                    {bearer_("new-" + planted), outcome{name: "token"}},
		"the former token":                     {bearer_("old-" + planted), outcome{name: "token"}},
		"a scheme in other letters":            {[]string{"Authorization", "bEARER new-" + planted}, outcome{name: "token"}},
		"no header":                            {nil, outcome{status: 401, reason: ReasonNoCredential}},
		"another token":                        {bearer_("other-" + planted), wrong},
		"the beginning of a token":             {bearer_("new-" + planted[:4]), wrong},
		"a token and more":                     {bearer_("new-" + planted + "x"), wrong},
		"two tokens in one header":             {bearer_("new-" + planted + " old-" + planted), wrong},
		"a comment of the file":                {bearer_("# rotated in spring"), wrong},
		"an empty header":                      {[]string{"Authorization", ""}, malformed},
		"an empty token":                       {bearer_(""), malformed},
		"a token without a scheme":             {[]string{"Authorization", "new-" + planted}, malformed},
		"a scheme that is not in use":          {basic("alice:" + planted), malformed},
		"two headers, of which one is right":   {append(bearer_("wrong"), bearer_("new-"+planted)...), malformed},
		"a header that is longer than allowed": {bearer_(strings.Repeat("x", maxCredential)), malformed},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, test.want, head(t, g, post(t, test.headers...))) })
	}
}

func TestWhoMayPostByAPasswordOfTheFile(t *testing.T) {
	g := newGuard(t, Options{Kinds: []string{KindBasic}, Dir: credentials(t, map[string]string{FileUsers: "alice:" + planted + "\nbob:a:b\n"})})
	wrong := outcome{status: 401, reason: ReasonWrongCredential}
	malformed := outcome{status: 401, reason: ReasonMalformedCredential}
	for name, test := range map[string]struct {
		headers []string
		want    outcome
	}{
		"the user's password":                  {basic("alice:" + planted), outcome{name: "basic:alice"}},
		"a password with a colon":              {basic("bob:a:b"), outcome{name: "basic:bob"}},
		"another user's password":              {basic("alice:a:b"), wrong},
		"an empty password":                    {basic("alice:"), wrong},
		"a user who is not there":              {basic("carol:" + planted), wrong},
		"no user":                              {basic(":" + planted), wrong},
		"no colon":                             {basic("alice"), malformed},
		"not base64":                           {[]string{"Authorization", "Basic alice:" + planted}, malformed},
		"nothing after the scheme":             {[]string{"Authorization", "Basic"}, malformed},
		"a token where passwords are in use":   {bearer_(planted), malformed},
		"a header that is longer than allowed": {basic("alice:" + strings.Repeat("x", maxCredential)), malformed},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, test.want, head(t, g, post(t, test.headers...))) })
	}
}

func TestATokenIsRotatedWithoutARestart(t *testing.T) {
	dir := credentials(t, map[string]string{FileTokens: "old-token\n"})
	file := filepath.Join(dir, FileTokens)
	g := newGuard(t, Options{Kinds: []string{KindToken}, Dir: dir, Now: time.Now})
	may := func(token string) bool { return head(t, g, post(t, bearer_(token)...)).name != "" }
	require.True(t, may("old-token"))
	put(t, file, "new-token\nold-token\n")
	require.True(t, may("new-token"))
	require.True(t, may("old-token"))
	put(t, file, "new-token\n")
	require.False(t, may("old-token"), "what was taken out is refused at once")

	put(t, file, "NEW-TOKEN\n")
	require.True(t, may("NEW-TOKEN"), "a change that keeps the size, in the same tick of the clock")
	put(t, file, "# nothing\n")
	require.Equal(t, outcome{status: 401, reason: ReasonWrongCredential}, head(t, g, post(t, bearer_("NEW-TOKEN")...)), "an empty file accepts nobody")
	require.Equal(t, outcome{status: 401, reason: ReasonMalformedCredential}, head(t, g, post(t, bearer_("")...)))
	require.NoError(t, os.Remove(file))
	require.Equal(t, outcome{status: 503, reason: ReasonUnanswered}, head(t, g, post(t, bearer_("NEW-TOKEN")...)), "the sender posts again")
	put(t, file, strings.Repeat("x\n", maxSecretFile))
	require.Equal(t, outcome{status: 503, reason: ReasonUnanswered}, head(t, g, post(t, bearer_("x")...)))
}

// TestAFileThatKubeletSwapsIsReadAgain has a mounted Secret's layout: links to
// links, the middle one of which is replaced.
func TestAFileThatKubeletSwapsIsReadAgain(t *testing.T) {
	dir := t.TempDir()
	for _, version := range []string{"v1", "v2"} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, version), 0o755))
		file := filepath.Join(dir, version, FileTokens)
		put(t, file, "token-"+version)
		then := time.Now().Add(yesterday)
		require.NoError(t, os.Chtimes(file, then, then), "same size, same time: only another file")
	}
	require.NoError(t, os.Symlink("v1", filepath.Join(dir, "..data")))
	require.NoError(t, os.Symlink(filepath.Join("..data", FileTokens), filepath.Join(dir, FileTokens)))
	g := newGuard(t, Options{Kinds: []string{KindToken}, Dir: dir, Now: time.Now})
	require.Equal(t, "token", head(t, g, post(t, bearer_("token-v1")...)).name)
	require.NoError(t, os.Symlink("v2", filepath.Join(dir, "..tmp")))
	require.NoError(t, os.Rename(filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data")))
	require.Equal(t, "token", head(t, g, post(t, bearer_("token-v2")...)).name)
	require.Equal(t, 401, head(t, g, post(t, bearer_("token-v1")...)).status)
}

func TestAFileThatDoesNotChangeIsReadOnce(t *testing.T) {
	dir := credentials(t, map[string]string{FileTokens: "token"})
	then := time.Now().Add(yesterday)
	require.NoError(t, os.Chtimes(filepath.Join(dir, FileTokens), then, then))
	f := &secretFile{path: filepath.Join(dir, FileTokens), now: time.Now}
	first, err := f.secrets()
	require.NoError(t, err)
	second, err := f.secrets()
	require.NoError(t, err)
	require.Same(t, &first[0], &second[0])
}

// TestTokensRotateUnderLoad is for the race detector: somebody always has a
// token that counts.
func TestTokensRotateUnderLoad(t *testing.T) {
	dir := credentials(t, map[string]string{FileTokens: "kept\n"})
	g := newGuard(t, Options{Kinds: []string{KindToken, KindBasic}, Dir: addFile(t, dir, FileUsers, "alice:pw"), Now: time.Now})
	var senders sync.WaitGroup
	for range 8 {
		senders.Go(func() {
			for range 200 {
				if c, err := g.Head(post(t, bearer_("kept")...)); err != nil || c.Name != KindToken {
					t.Errorf("%v %v", c, err)
				}
				_, _ = g.Head(post(t, bearer_("rotating")...))
			}
		})
	}
	for i := range 200 {
		next := filepath.Join(dir, "next")
		put(t, next, "kept\n"+strings.Repeat("rotating\n", i%3))
		require.NoError(t, os.Rename(next, filepath.Join(dir, FileTokens)))
	}
	senders.Wait()
}

func addFile(t testing.TB, dir, name, text string) string {
	put(t, filepath.Join(dir, name), text)
	return dir
}

func TestOneCredentialSufficesAndAWrongOneSpoilsAll(t *testing.T) {
	key := "key-" + planted
	dir := credentials(t, map[string]string{FileTokens: planted, FileUsers: "alice:" + planted, FileHMAC: key})
	g := newGuard(t, Options{Kinds: []string{KindToken, KindBasic, KindHMAC}, Dir: dir, Inbox: inbox(t)})
	signature := func(s string) []string { return []string{SignatureHeader, s} }
	good := "sha256=" + strings.Repeat("0", 64)
	for name, test := range map[string]struct {
		headers []string
		want    outcome
	}{
		"a token alone":                          {bearer_(planted), outcome{name: "token"}},
		"a password alone":                       {basic("alice:" + planted), outcome{name: "basic:alice"}},
		"a signature, of which the body decides": {signature(good), outcome{}},
		"a token beside a signature":             {append(bearer_(planted), signature(good)...), outcome{name: "token"}},
		"a token beside a broken signature":      {append(bearer_(planted), signature("sha256=zz")...), outcome{status: 401, reason: ReasonMalformedCredential}},
		"a wrong token beside a signature":       {append(bearer_("wrong"), signature(good)...), outcome{status: 401, reason: ReasonWrongCredential}},
		"nothing":                                {nil, outcome{status: 401, reason: ReasonNoCredential}},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, test.want, head(t, g, post(t, test.headers...))) })
	}
	onlyTokens := newGuard(t, Options{Kinds: []string{KindToken}, Dir: dir})
	require.Equal(t, outcome{name: "token"}, head(t, onlyTokens, post(t, append(bearer_(planted), signature("sha256=zz")...)...)),
		"what is not in use is not looked at")
	_, err := g.Head(post(t))
	var no *Refusal
	require.ErrorAs(t, err, &no)
	require.Equal(t, []string{`Bearer realm="kubernaut"`, `Basic realm="kubernaut"`, `HMAC-SHA256 realm="kubernaut"`}, no.Challenges)
}

func TestPathsThatAreOpenAreSoToTheClusterOnly(t *testing.T) {
	dir := credentials(t, map[string]string{FileTokens: planted})
	g := newGuard(t, Options{Kinds: []string{KindToken}, Dir: dir, OpenPaths: []string{"/", "/api/v1/signals/cloudevents"}, Local: unpublished})
	const inside = "gateway.kubernaut-system.svc.cluster.local"
	refused := outcome{status: 401, reason: ReasonNoCredential}
	known := outcome{name: "cluster-network"}
	for name, test := range map[string]struct {
		path, host string
		headers    []string
		want       outcome
	}{
		"an open path by the cluster's name":          {"/api/v1/signals/cloudevents", inside, nil, known},
		"the same with a slash and a port":            {"/api/v1/signals/cloudevents/", inside + ":80", nil, known},
		"the root by a short name":                    {"/", "gateway.kubernaut-system.svc", nil, known},
		"another path":                                {path, inside, nil, refused},
		"a path below an open one":                    {"/api/v1/signals/cloudevents/x", inside, nil, refused},
		"an open path by a public name":               {"/", "alerts.example.com", nil, refused},
		"a public name that looks like the cluster's": {"/", "x.svc.cluster.local.example.com", nil, refused},
		"no name": {"/", "", nil, refused},
		"a public name that the ingress has rewritten": {"/", inside, []string{originalHost, "alerts.example.com"}, refused},
		"a cluster's name that the ingress has kept":   {"/", inside, []string{originalHost, inside}, known},
		"a wrong token on an open path":                {"/", inside, bearer_("wrong"), outcome{status: 401, reason: ReasonWrongCredential}},
		"a right token on an open path":                {"/", inside, bearer_(planted), outcome{name: "token"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := post(t, test.headers...)
			r.URL.Path, r.Host = test.path, test.host
			require.Equal(t, test.want, head(t, g, proxied(r)))
		})
	}
}

func TestOpenPathsAreClosedUnlessTheClusterSaysThatNobodyElseReachesThem(t *testing.T) {
	dir := credentials(t, map[string]string{FileTokens: planted})
	says := func(err error) func(context.Context) error { return func(context.Context) error { return err } }
	refused := outcome{status: 401, reason: ReasonNoCredential}
	for name, test := range map[string]struct {
		local   func(context.Context) error
		headers []string
		want    outcome
	}{
		"a gateway that is not published":                   {unpublished, nil, outcome{name: "cluster-network"}},
		"a published one, by a name that the client chose":  {says(fmt.Errorf("%w: no label", ErrPublished)), nil, refused},
		"one of which nobody says who reaches it":           {nil, nil, refused},
		"one whose cluster does not answer":                 {says(errDown), nil, outcome{status: 503, reason: ReasonUnasked}},
		"one whose cluster does not answer, with the token": {says(errDown), bearer_(planted), outcome{name: "token"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGuard(t, Options{Kinds: []string{KindToken}, Dir: dir, OpenPaths: []string{path}, Local: test.local})
			r := post(t, append(test.headers, originalHost, "gateway.kubernaut-system.svc.cluster.local")...)
			r.Host = "gateway.kubernaut-system.example.com"
			require.Equal(t, test.want, head(t, g, proxied(r)))
		})
	}
}

func TestLoopbackServesThisMachine(t *testing.T) {
	g := newGuard(t, Options{Kinds: []string{KindLoopback}})
	for name, test := range map[string]struct {
		remote, host string
		want         outcome
	}{
		"this machine":                    {"127.0.0.1:4711", "127.0.0.1:8080", outcome{name: "loopback"}},
		"another machine":                 {"10.0.0.7:4711", "127.0.0.1:8080", outcome{status: 401, reason: ReasonNoCredential}},
		"the proxy beside a pod's server": {"127.0.0.1:4711", "gateway.kubernaut-system.svc.cluster.local", outcome{status: 401, reason: ReasonNoCredential}},
	} {
		t.Run(name, func(t *testing.T) {
			r := post(t)
			r.RemoteAddr, r.Host = test.remote, test.host
			require.Equal(t, test.want, head(t, g, r))
		})
	}
	require.Equal(t, outcome{name: "none"}, head(t, newGuard(t, Options{Kinds: []string{KindNone}}), post(t)))
}

func TestAGuardThatWouldGuardNothingIsNotMade(t *testing.T) {
	dir := credentials(t, map[string]string{FileHMAC: "\n# " + planted + "\n", FileIngress: planted, FileAuthorities: planted})
	for name, test := range map[string]struct {
		o    Options
		says string
	}{
		"nobody said who may post":          {Options{}, "GATEWAY_AUTH is missing"},
		"a kind that is not there":          {Options{Kinds: []string{"tokens"}}, `no kind "tokens"`},
		"none beside another":               {Options{Kinds: []string{KindToken, KindNone}}, "would let everybody in"},
		"no folder":                         {Options{Kinds: []string{KindToken}}, "GATEWAY_AUTH_DIR is missing"},
		"a file that is not there":          {Options{Kinds: []string{KindToken}, Dir: dir}, "key tokens of the Secret kubernaut-callers"},
		"a file of users that is not there": {Options{Kinds: []string{KindBasic}, Dir: dir}, "key users"},
		"a file of comments":                {Options{Kinds: []string{KindHMAC}, Dir: dir}, "no line but comments"},
		"certificates of nobody":            {Options{Kinds: []string{KindCertificate}}, "GATEWAY_CLIENTS is missing"},
		"an ingress without authorities":    {Options{Kinds: []string{KindCertificate}, Clients: []string{"x"}, ClientHeader: "X", Dir: dir}, "client-ca holds no certificate"},
		"an open path that is none":         {Options{Kinds: []string{KindLoopback}, OpenPaths: []string{"api"}}, "GATEWAY_OPEN_PATHS"},
		"a file of tokens that is a folder": {Options{Kinds: []string{KindToken}, Dir: filepath.Dir(dir)}, "GATEWAY_AUTH_DIR"},
	} {
		t.Run(name, func(t *testing.T) {
			test.o.Now = newClock().now
			_, err := New(test.o)
			require.ErrorContains(t, err, test.says)
			require.NotContains(t, err.Error(), planted)
		})
	}
}

func TestARefusalIsAProblemOfItsKind(t *testing.T) {
	for status, problem := range map[int]string{http.StatusUnauthorized: "unauthorized", http.StatusForbidden: "forbidden", http.StatusServiceUnavailable: "service-unavailable"} {
		require.Equal(t, problem, (&Refusal{Status: status}).Problem().Type)
	}
}

// BenchmarkToken measures what a token costs a request.
func BenchmarkToken(b *testing.B) {
	dir := credentials(b, map[string]string{FileTokens: "former\n" + planted})
	then := time.Now().Add(yesterday)
	require.NoError(b, os.Chtimes(filepath.Join(dir, FileTokens), then, then))
	g := newGuard(b, Options{Kinds: []string{KindToken}, Dir: dir, Now: time.Now})
	r := post(b, bearer_(planted)...)
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if _, err := g.Head(r); err != nil {
				b.Error(err)
			}
		}
	})
}
