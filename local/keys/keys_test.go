package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
)

const project = "../.."

// keys runs the command and returns what it prints.
func keys(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(append([]string{"--root", project}, args...), func(string) string { return "" }, strings.NewReader(stdin), &out, &errs)
	require.Zero(t, code, errs.String())
	return out.String()
}

// refused runs the command and returns why it refuses.
func refused(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(append([]string{"--root", project}, args...), func(string) string { return "" }, strings.NewReader(stdin), &out, &errs)
	require.Equal(t, 1, code)
	require.Empty(t, out.String(), "what is refused prints nothing that could be applied")
	return errs.String()
}

// installation is what a run printed, as a cluster would hold it.
type installation struct {
	ring    event.Keyring
	secrets map[string]map[string][]byte
}

func installed(t *testing.T, text string) installation {
	t.Helper()
	in := installation{secrets: map[string]map[string][]byte{}}
	for _, doc := range strings.Split(text, "---\n")[1:] {
		require.Contains(t, doc, "namespace: kubernaut-system\n")
		if strings.Contains(doc, "kind: Secret\n") {
			var s corev1.Secret
			require.NoError(t, yaml.UnmarshalStrict([]byte(doc), &s))
			in.secrets[s.Name] = s.Data
			continue
		}
		var c corev1.ConfigMap
		require.NoError(t, yaml.UnmarshalStrict([]byte(doc), &c))
		require.Equal(t, "kubernaut-seals", c.Name)
		var err error
		in.ring, err = event.ParseKeyring(c.Data["public"])
		require.NoError(t, err)
	}
	return in
}

// accepts tells whether the ring takes what a stage seals with the key that
// its Secret holds under the name.
func (in installation) accepts(t *testing.T, stage, name string) bool {
	t.Helper()
	key, err := event.ParseSealingKey(string(in.secrets["seal-"+stage][name]))
	require.NoError(t, err)
	e, err := event.New(event.Draft{Type: event.SignalReceived, Stage: stage, Namespace: "kubernaut-system", Cause: "test",
		Target: event.Target{Kind: "Deployment", Namespace: "shop", Name: "web"}, Correlation: "r-1"})
	require.NoError(t, err)
	require.NoError(t, key.Seal(&e))
	return in.ring.Verify(e) == nil
}

func TestEveryStageGetsAKeyThatTheOthersAccept(t *testing.T) {
	in := installed(t, keys(t, "", "--overlay", "dev"))
	stages, err := stagesOf(project)
	require.NoError(t, err)
	require.Len(t, in.ring, len(stages))
	seen := map[string]bool{}
	for _, stage := range stages {
		seed := string(in.secrets["seal-"+stage]["private"])
		key, err := event.ParseSealingKey(seed)
		require.NoError(t, err)
		require.Len(t, in.ring[stage], 1)
		require.False(t, seen[key.Public()], "one key a stage")
		seen[key.Public()] = true
	}
	require.True(t, in.accepts(t, event.StageGateway, "private"))
}

func TestWhatTheClusterHasIsKept(t *testing.T) {
	first := keys(t, "", "--overlay", "dev")
	require.Equal(t, first, keys(t, first, "--current", "-"), "nothing is missing, so nothing changes")
	require.Equal(t, first, keys(t, first, "--current", "-", "--overlay", "dev"))
	file := filepath.Join(t.TempDir(), "current.yaml")
	require.NoError(t, os.WriteFile(file, []byte(asList(first)), 0o600))
	require.Equal(t, first, keys(t, "", "--current", file), "kubectl prints a List")
}

// asList is the manifests as kubectl get prints them.
func asList(manifests string) string {
	var b strings.Builder
	b.WriteString("apiVersion: v1\nkind: List\nitems:\n")
	for _, doc := range strings.Split(manifests, "---\n")[1:] {
		for i, line := range strings.Split(strings.TrimSuffix(doc, "\n"), "\n") {
			if i == 0 {
				b.WriteString("- " + line + "\n")
				continue
			}
			b.WriteString("  " + line + "\n")
		}
	}
	return b.String()
}

func TestAStageThatWasAddedGetsItsKey(t *testing.T) {
	first := keys(t, "", "--overlay", "dev")
	docs := strings.Split(first, "---\n")[1:]
	var without []string
	for _, doc := range docs {
		if !strings.Contains(doc, "name: seal-record\n") {
			without = append(without, doc)
		}
	}
	in := installed(t, keys(t, "---\n"+strings.Join(without, "---\n"), "--current", "-"))
	require.NotEmpty(t, in.secrets["seal-record"]["private"])
	require.Len(t, in.ring["record"], 2, "its lost key is still accepted")
	require.Len(t, in.ring["gateway"], 1)
}

func TestARotationNeverLeavesASealUnaccepted(t *testing.T) {
	start := keys(t, "", "--overlay", "dev")
	former := installed(t, start).secrets["seal-gateway"]["private"]

	rotated := keys(t, start, "--current", "-", "--rotate", "gateway")
	in := installed(t, rotated)
	require.Equal(t, former, in.secrets["seal-gateway"]["private"], "it still seals with the present key")
	require.True(t, in.accepts(t, "gateway", "private"))
	require.True(t, in.accepts(t, "gateway", "next"), "before anybody seals with it, all accept it")
	require.NotContains(t, in.secrets["seal-enrich"], "next")
	require.Contains(t, refused(t, rotated, "--current", "-", "--rotate", "gateway"), "has a next key already")

	promoted := keys(t, rotated, "--current", "-", "--promote")
	after := installed(t, promoted)
	require.Equal(t, in.secrets["seal-gateway"]["next"], after.secrets["seal-gateway"]["private"])
	require.NotContains(t, after.secrets["seal-gateway"], "next")
	require.Len(t, after.ring["gateway"], 2, "events that are under way are sealed with the former key")

	last := installed(t, keys(t, promoted, "--current", "-", "--forget"))
	require.Len(t, last.ring["gateway"], 1)
	require.True(t, last.accepts(t, "gateway", "private"))
}

func TestASendersTokenIsMadeOnceAndRotatedInTwoSteps(t *testing.T) {
	start := keys(t, "", "--overlay", "dev")
	tokens := func(text string) []string {
		return lines(string(installed(t, text).secrets["kubernaut-callers"]["tokens"]))
	}
	first := tokens(start)
	require.Len(t, first, 1)
	require.GreaterOrEqual(t, len(first[0]), 32)
	require.Equal(t, first, tokens(keys(t, start, "--current", "-")))
	require.Contains(t, refused(t, start, "--current", "-", "--forget-tokens"), "start with --new-token")

	both := keys(t, start, "--current", "-", "--new-token")
	require.Len(t, tokens(both), 2)
	require.Equal(t, first[0], tokens(both)[1], "senders may use the former one until they have the new one")
	last := tokens(keys(t, both, "--current", "-", "--forget-tokens"))
	require.Equal(t, tokens(both)[:1], last)
}

func TestCredentialsThatPeoplePutBesideTheTokensAreKept(t *testing.T) {
	start := keys(t, "", "--overlay", "dev")
	with := strings.Replace(start, "  name: kubernaut-callers\n", "  name: kubernaut-callers\nstringData: {hmac: \"a-key\"}\n", 1)
	with = strings.Replace(with, "metadata:\n  labels:\n    app.kubernetes.io/part-of: kubernaut\n  name: kubernaut-callers\nstringData: {hmac: \"a-key\"}\n  namespace: kubernaut-system\n",
		"metadata:\n  name: kubernaut-callers\n  namespace: kubernaut-system\nstringData: {hmac: a-key}\n", 1)
	require.NotEqual(t, start, with)
	require.Equal(t, "a-key", string(installed(t, keys(t, with, "--current", "-")).secrets["kubernaut-callers"]["hmac"]))
}

func TestAllStagesCanRotateAtOnce(t *testing.T) {
	start := keys(t, "", "--overlay", "dev")
	in := installed(t, keys(t, start, "--current", "-", "--rotate", "all"))
	for stage, publics := range in.ring {
		require.Len(t, publics, 2, stage)
	}
}

func TestStoresAreAddressed(t *testing.T) {
	own := []string{"--redis-url", "rediss://:pw@cache.example:6380/0", "--history-url", "postgres://k:pw@db.example/k"}
	for name, c := range map[string]struct {
		current string
		args    []string
		redis   string
		history string
	}{
		"the overlay dev brings both": {args: []string{"--overlay", "dev"}, redis: "redis.kubernaut-system.svc:6379/0",
			history: "@postgresql.kubernaut-system.svc:5432/kubernaut?sslmode=disable"},
		"the overlay production brings sentinels": {args: []string{"--overlay", "production", "--history-url", "postgres://db.example/k"},
			redis:   "redis-0.redis.kubernaut-system.svc:26379,redis-1.redis.kubernaut-system.svc:26379,redis-2.redis.kubernaut-system.svc:26379/0?master_name=kubernaut",
			history: "postgres://db.example/k"},
		"stores of one's own":      {args: append([]string{"--overlay", "external"}, own...), redis: own[1], history: own[3]},
		"one's own win over these": {args: append([]string{"--overlay", "dev"}, own...), redis: own[1], history: own[3]},
	} {
		t.Run(name, func(t *testing.T) {
			in := installed(t, keys(t, c.current, c.args...))
			url := string(in.secrets["kubernaut-redis"]["url"])
			require.Contains(t, url, c.redis)
			require.Contains(t, string(in.secrets["kubernaut-history"]["url"]), c.history)
			opened, err := ledger.Open(url)
			require.NoError(t, err, "the ledger takes the URL")
			require.NoError(t, opened.Close())
		})
	}
}

func TestReadersOfHistoryComeAsWhoTheyAreSaidToBe(t *testing.T) {
	const writer, reader = "postgres://k:pw@db.example/k", "postgres://sees:pw@db.example/k"
	readerOf := func(text string) string {
		return string(installed(t, text).secrets["kubernaut-history"]["reader-url"])
	}
	dev := keys(t, "", "--overlay", "dev")
	require.Equal(t, string(installed(t, dev).secrets["kubernaut-history"]["url"]), readerOf(dev))
	one := keys(t, "", "--overlay", "production", "--history-url", writer)
	require.Equal(t, writer, readerOf(one))
	require.Equal(t, "postgres://moved.example/k", readerOf(keys(t, one, "--current", "-", "--history-url", "postgres://moved.example/k")), "it follows")
	two := keys(t, one, "--current", "-", "--history-reader-url", reader)
	require.Equal(t, reader, readerOf(two))
	require.Equal(t, two, keys(t, two, "--current", "-", "--overlay", "production"), "it is remembered")
	require.Equal(t, two, keys(t, two, "--current", "-", "--history-url", writer))
	require.Contains(t, refused(t, two, "--current", "-", "--history-url", "postgres://moved.example/k"), "name both", "nobody goes on reading the old one")
	require.Contains(t, refused(t, "", "--overlay", "dev", "--history-reader-url", "http://k:pw@db"), "postgres://")
}

func TestAPasswordOutlivesAChangeOfOverlay(t *testing.T) {
	first := keys(t, "", "--overlay", "dev")
	password := installed(t, first).secrets["kubernaut-redis"]["password"]
	text := keys(t, first, "--current", "-", "--overlay", "production", "--history-url", "postgres://db.example/k")
	redis := installed(t, text).secrets["kubernaut-redis"]
	require.Equal(t, password, redis["password"])
	require.Contains(t, string(redis["url"]), string(password)+"@redis-0.redis.")
	require.Equal(t, "requirepass "+string(password)+"\nmasterauth "+string(password)+"\n", string(redis["auth.conf"]))
	require.Equal(t, text, keys(t, text, "--current", "-", "--overlay", "production"), "one's own PostgreSQL is remembered")
}

func TestThePasswordOfAStoreThatIsLeftIsKeptForItsVolume(t *testing.T) {
	dev := keys(t, "", "--overlay", "dev")
	own := []string{"--redis-url", "redis://cache.example/0", "--history-url", "postgres://db.example/k"}
	left := keys(t, dev, append([]string{"--current", "-", "--overlay", "external"}, own...)...)
	for _, name := range []string{"kubernaut-redis", "kubernaut-history"} {
		was, is := installed(t, dev).secrets[name], installed(t, left).secrets[name]
		require.NotEmpty(t, was["password"])
		require.Equal(t, was["password"], is["password"], name)
		require.Equal(t, was["auth.conf"], is["auth.conf"], name)
		require.Contains(t, string(is["url"]), ".example/")
	}
	require.Equal(t, left, keys(t, left, "--current", "-", "--overlay", "external"), "one's own stores are remembered")
	require.Equal(t, left, keys(t, left, "--current", "-"))
}

func TestWhatCannotBeIsRefused(t *testing.T) {
	const password = "hunter2secret"
	start := keys(t, "", "--overlay", "dev")
	for name, c := range map[string]struct {
		stdin string
		args  []string
		says  string
	}{
		"no store is named":                                                 {"", nil, "with REDIS_URL=redis://..., or an overlay that brings one with OVERLAY=dev or OVERLAY=production"},
		"production brings no PostgreSQL":                                   {"", []string{"--overlay", "production"}, "with HISTORY_URL=postgres://..., or the overlay that brings one with OVERLAY=dev"},
		"an overlay that is not there":                                      {"", []string{"--overlay", "staging"}, "there are dev, production, external. For one of your own, name the one that it is made of"},
		"a URL of another kind":                                             {"", []string{"--redis-url", "http://x:" + password + "@y"}, "redis:// or rediss://"},
		"an empty pipe, as of a broken kubectl":                             {"", []string{"--current", "-", "--overlay", "dev"}, "it is empty"},
		"something else in the pipe":                                        {"kind: Pod\n", []string{"--current", "-", "--overlay", "dev"}, "want Secrets"},
		"a key that is none":                                                {"kind: Secret\nmetadata: {name: seal-gateway}\nstringData: {private: " + password + "}\n", []string{"--current", "-", "--overlay", "dev"}, "not base64"},
		"rotating a stage that is not there":                                {start, []string{"--current", "-", "--rotate", "gatewy"}, "there is no stage"},
		"promoting what was never rotated":                                  {start, []string{"--current", "-", "--promote"}, "start with --rotate"},
		"a file that is not there":                                          {"", []string{"--current", "/nonexistent", "--overlay", "dev"}, "read current"},
		"words after the flags":                                             {"", []string{"--overlay", "dev", "now"}, "unexpected argument"},
		"a folder without functions":                                        {"", []string{"--root", t.TempDir(), "--overlay", "dev"}, "holds no functions"},
		"a Redis that the environment happens to name, as keys are rotated": {start, []string{"--current", "-", "--rotate", "all", "--redis-url", "redis://x:" + password + "@y"}, "leave it out"},
		"a Redis of one's own beside the overlay's":                         {start, []string{"--current", "-", "--overlay", "production", "--history-url", "postgres://y/k", "--redis-url", "redis://x:" + password + "@y"}, "leave it out"},
		"a history of one's own beside the overlay's":                       {start, []string{"--current", "-", "--overlay", "dev", "--history-url", "postgres://x:" + password + "@y/k"}, "OVERLAY=external"},
		"a language model's key that is missing":                            {"", []string{"--overlay", "dev", "--llm-key-file", "/nonexistent"}, "language model"},
	} {
		t.Run(name, func(t *testing.T) {
			said := refused(t, c.stdin, c.args...)
			require.Contains(t, said, c.says)
			require.NotContains(t, said, password, "an error is no place for a secret")
		})
	}
}

// cluster is a kubectl of a cluster that has the namespace, or has not.
func cluster(t *testing.T, namespace, secrets string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubectl")
	script := `#!/bin/sh
case "$*" in
"get namespace kubernaut-system --output name") ` + namespace + ` ;;
"get secret,configmap --namespace kubernaut-system --selector app.kubernetes.io/part-of=kubernaut --output yaml") ` + secrets + ` ;;
*) echo "unexpected: $*" >&2; exit 9 ;;
esac
`
	require.NoError(t, os.WriteFile(path, []byte(script), 0o755))
	return path
}

func TestWhatTheClusterHasIsReadWithKubectl(t *testing.T) {
	first := keys(t, "", "--overlay", "dev")
	file := filepath.Join(t.TempDir(), "current.yaml")
	require.NoError(t, os.WriteFile(file, []byte(asList(first)), 0o600))
	require.Equal(t, first, keys(t, "", "--kubectl", cluster(t, "echo namespace/kubernaut-system", "cat "+file)))
	require.NotEmpty(t, keys(t, "", "--overlay", "dev", "--kubectl", cluster(t, "true", `printf 'apiVersion: v1\nitems: []\nkind: List\n'`)), "it has none yet")
}

func TestWhyTheClusterCannotBeReadIsSaidWithWhatToDo(t *testing.T) {
	const found = "echo namespace/kubernaut-system"
	for name, c := range map[string]struct {
		kubectl string
		says    []string
	}{
		"no kubectl": {"no-such-kubectl", []string{`install kubectl, or name it with KUBECTL="..."`}},
		"no cluster": {cluster(t, `echo "The connection to the server localhost:8080 was refused" >&2; exit 1`, ""),
			[]string{"kubectl reaches no cluster", `KUBECTL="kubectl --context NAME"`, "localhost:8080"}},
		"no namespace": {cluster(t, `echo "Error from server (NotFound): namespaces not found" >&2; exit 1`, ""),
			[]string{"namespace kubernaut-system is not there: make it first, with kubectl apply --server-side -k deploy/overlays/dev"}},
		"no right to read": {cluster(t, found, `echo "Error from server (Forbidden): secrets is forbidden" >&2; exit 1`),
			[]string{"read the Secrets of namespace kubernaut-system, which are to be kept", "your rights in the cluster do not suffice"}},
		"a cluster that says nothing": {cluster(t, found, "true"), []string{"it is empty"}},
	} {
		t.Run(name, func(t *testing.T) {
			said := refused(t, "", "--overlay", "dev", "--kubectl", c.kubectl)
			for _, words := range c.says {
				require.Contains(t, said, words)
			}
		})
	}
	require.Contains(t, refused(t, "", "--overlay", "dev", "--kubectl", "kubectl", "--current", "-"), "give one")
}

func TestAListWithoutItemsIsACleanStart(t *testing.T) {
	in := installed(t, keys(t, "apiVersion: v1\nitems: []\nkind: List\n", "--current", "-", "--overlay", "dev"))
	require.NotEmpty(t, in.ring)
}

func TestALanguageModelsKeyIsOptional(t *testing.T) {
	require.NotContains(t, installed(t, keys(t, "", "--overlay", "dev")).secrets, "kubernaut-llm")
	file := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(file, []byte(" abc\n"), 0o600))
	text := keys(t, "", "--overlay", "dev", "--llm-key-file", file)
	require.Equal(t, "abc", string(installed(t, text).secrets["kubernaut-llm"]["api-key"]))
	require.Equal(t, text, keys(t, text, "--current", "-"), "and is kept")
}
