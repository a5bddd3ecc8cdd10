package function

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"kubernaut.ai/functions/execute/reading"
	"kubernaut.ai/shared/action"
	"kubernaut.ai/shared/event"
)

func TestAReceiptRebuildsThePlan(t *testing.T) {
	target := event.Target{Kind: "Deployment", Namespace: "shop", Name: "web", UID: "u1"}
	p := Plan{Target: target, UndoSummary: "Sets it back.",
		Guards: []Guard{{Path: containerPath(0, "name"), Value: "app"}},
		Fields: []Field{{Path: containerPath(0, "resources", "limits", "memory"), Before: "128Mi", After: "192Mi"}}}
	text, err := p.receipt()
	require.NoError(t, err)
	require.Less(t, len(text), MaxReceipt)
	again, err := planOf(text, target)
	require.NoError(t, err)
	require.Equal(t, p, again)
}

func TestAReceiptThatIsTooLargeIsRefused(t *testing.T) {
	p := Plan{UndoSummary: strings.Repeat("x", MaxReceipt)}
	_, err := p.receipt()
	require.True(t, refused(err, ReasonReceipt))
}

func TestAnUndoIsTheInverseWithTheSameGuards(t *testing.T) {
	p := Plan{Fields: []Field{{Path: "/spec/replicas", Before: 2, After: 4}}, Guards: []Guard{{Path: "/spec/x", Value: "y"}}}
	u := p.undo()
	require.True(t, u.Possible)
	require.Equal(t, []event.Change{
		{Field: "/spec/x", Before: "y", After: "y"},
		{Field: "/spec/replicas", Before: 4, After: 2},
	}, u.Changes)
}

func TestAnUndoMaySetOnlyWhatItsActionSets(t *testing.T) {
	cases := []struct {
		name, action, field string
		allowed             bool
	}{
		{"replicas of a scaling", action.ScaleDeployment, "/spec/replicas", true},
		{"a container's memory", action.IncreaseResources, "/spec/template/spec/containers/0/resources/limits/memory", true},
		{"a container's image", action.IncreaseResources, "/spec/template/spec/containers/0/image", false},
		{"a container's command by a scaling", action.ScaleDeployment, "/spec/template/spec/containers/0/command", false},
		{"the service account", action.RollbackDeployment, "/spec/template/spec/serviceAccountName", false},
		{"anything of what has no undo", action.NotifyOnly, "/spec/replicas", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.allowed, allowedUndo(c.action, c.field)) })
	}
}

func TestPointersReachWhatTheyName(t *testing.T) {
	var body any
	require.NoError(t, json.Unmarshal([]byte(`{"a":{"b/c":[{"d":1}]}}`), &body))
	require.EqualValues(t, 1, at(body, pointer("a", "b/c", "0", "d")))
	for _, missing := range []string{"/a/x", "/a/b~1c/1", "/a/b~1c/-1", "/a/b~1c/x", "/a/b~1c/0/d/e"} {
		require.Nil(t, at(body, missing), missing)
	}
}

func TestResourcesGrowAsOrdered(t *testing.T) {
	q := resource.MustParse
	a := increaseResources{caps: Caps{Memory: q("8Gi"), CPU: q("4")}}
	cases := []struct {
		name           string
		parameters     map[string]any
		request, limit string
		wantRequest    string
		wantLimit      string
		refused        string
	}{
		{"by half where nothing is said", nil, "64Mi", "128Mi", "96Mi", "192Mi", ""},
		{"by the factor, rounded up to whole mebibytes", map[string]any{"factor": 1.1}, "", "100Mi", "", "110Mi", ""},
		{"to the absolute limit, the request in proportion", map[string]any{"memory": "192Mi"}, "64Mi", "128Mi", "96Mi", "192Mi", ""},
		{"a Guaranteed container stays one", map[string]any{"memory": "200Mi"}, "128Mi", "128Mi", "200Mi", "200Mi", ""},
		{"a request alone is the absolute value's", map[string]any{"memory": "200Mi"}, "128Mi", "", "200Mi", "", ""},
		{"the value that is there is nothing to do", map[string]any{"memory": "128Mi"}, "", "128Mi", "", "128Mi", ""},
		{"less than there is", map[string]any{"memory": "127Mi"}, "", "128Mi", "", "", ReasonWouldShrink},
		{"more than the cap", map[string]any{"factor": 4.0}, "", "4Gi", "", "", ReasonOverCap},
		{"nothing set", map[string]any{"memory": "1Gi"}, "", "", "", "", ReasonNoResources},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var box corev1.Container
			box.Resources.Requests, box.Resources.Limits = corev1.ResourceList{}, corev1.ResourceList{}
			if c.request != "" {
				box.Resources.Requests[corev1.ResourceMemory] = q(c.request)
			}
			if c.limit != "" {
				box.Resources.Limits[corev1.ResourceMemory] = q(c.limit)
			}
			r, err := a.raise(Order{Parameters: c.parameters}, box, corev1.ResourceMemory)
			if c.refused != "" {
				require.True(t, refused(err, c.refused), "%v", err)
				return
			}
			require.NoError(t, err)
			for want, got := range map[string]resource.Quantity{c.wantRequest: r.request.after, c.wantLimit: r.limit.after} {
				if want != "" {
					require.Zero(t, got.Cmp(q(want)), "want %s, got %s", want, got.String())
				}
			}
		})
	}
}

func TestSecretsAreTakenOutOfLogs(t *testing.T) {
	cases := []struct{ name, text, secret string }{
		{"a password in a setting", "DB_PASSWORD=hunter2 ok", "hunter2"},
		{"a quoted token in JSON", `{"access_token": "abc def", "x": 1}`, "abc def"},
		{"a bearer token", "Authorization: Bearer abcdef123456", "abcdef123456"},
		{"credentials in a URL", "dial postgres://app:s3cret@db:5432/x", "s3cret"},
		{"a JWT", "got eyJhbGciOiJIUzI1.eyJzdWIiOiIx.c2lnbmF0dXJl", "eyJzdWIiOiIx"},
		{"a cloud key", "key AKIAABCDEFGHIJKLMNOP", "AKIAABCDEFGHIJKLMNOP"},
		{"a private key", "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", "MIIE"},
		{"a private key that was cut off", "-----BEGIN PRIVATE KEY-----\nMIIEabc", "MIIEabc"},
		{"a long random string", "value " + strings.Repeat("a1B2", 12), "a1B2a1B2"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := redact(c.text)
			require.NotContains(t, got, c.secret)
			require.Contains(t, got, event.Redacted)
		})
	}
	require.Equal(t, "started in 3 ms\nready", redact("started in 3 ms\nre\x1bady"))
}

func TestTheEndOfALogIsKept(t *testing.T) {
	text := strings.Repeat("line\n", 1000) + "the last words"
	got := tail(text, maxLog)
	require.LessOrEqual(t, len(got), maxLog)
	require.True(t, strings.HasSuffix(got, "the last words"))
	require.True(t, strings.HasPrefix(got, "…\nline"))
}

func TestEveryActionOfTheCatalogueHasItsCode(t *testing.T) {
	code := registry(reading.Client{}, Caps{})
	for _, a := range action.All() {
		require.Contains(t, code, a.Name)
		require.Equal(t, a.Reversible, len(undoable[a.Name]) > 0, "%s: what can be undone says which fields", a.Name)
	}
	require.Len(t, code, len(action.All()))
}
