package policy_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/policy"
)

const query = "data.example.greet.answer"

type answer struct {
	Text string `json:"text"`
}

// clock is a settable time, safe under -race.
type clock struct {
	mutex sync.Mutex
	now   time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.now = c.now.Add(d)
}

func options(dir string, c *clock) policy.Options {
	return policy.Options{Name: "greet", Embedded: os.DirFS("testdata/default"), Dir: dir, Query: query, Now: c.Now}
}

// rego is a default policy of one module.
func rego(body string) fstest.MapFS {
	return fstest.MapFS{"p/greet.rego": {Data: []byte("package example.greet\n\n" + body)}}
}

// folder is a policy directory that holds these files.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, body := range files {
		write(t, dir, name, body)
	}
	return dir
}

func write(t *testing.T, dir, name, body string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(body), 0o600))
}

func greet(t *testing.T, e *policy.Engine) (text, digest string) {
	t.Helper()
	var out answer
	digest, err := e.Decide(t.Context(), map[string]any{"name": "Ann"}, &out)
	require.NoError(t, err)
	return out.Text, digest
}

func TestThePolicyInForce(t *testing.T) {
	const userRego = "package example.greet\n\nanswer := {\"text\": concat(\"\", [\"mine, \", input.name, data.punctuation])}\n"
	tests := []struct {
		name  string
		files map[string]string
		want  string
		user  bool
	}{
		{"an empty directory leaves the default in force", nil, "hello Ann", false},
		{"a module of the user replaces the default's, and default data stays", map[string]string{"own.rego": userRego}, "mine, Ann!", true},
		{"a data file in YAML changes the default's data and leaves the modules", map[string]string{"d.yaml": "greeting: ahoy\n"}, "ahoy Ann", true},
		{"a data file in JSON does so too", map[string]string{"d.json": `{"greeting": "hey"}`}, "hey Ann", true},
		{"modules and data of the user go together", map[string]string{"own.rego": userRego, "d.yml": "punctuation: '?'\n"}, "mine, Ann?", true},
		{"tests of the user are not part of it", map[string]string{"own_test.rego": "package broken {"}, "hello Ann", false},
		{"hidden files are not part of it", map[string]string{".own.rego": "package broken {"}, "hello Ann", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e, err := policy.Open(options(folder(t, test.files), newClock()))
			require.NoError(t, err)
			text, digest := greet(t, e)
			require.Equal(t, test.want, text)
			status := e.Status(t.Context())
			require.Equal(t, test.user, status.User)
			require.Equal(t, digest, status.Digest)
			require.Len(t, digest, 12)
			require.NoError(t, status.Broken)
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]string
		want  error
	}{
		{"Rego that does not parse", map[string]string{"p.rego": "package example.greet {"}, policy.ErrInvalid},
		{"a policy that lacks the rule that is asked", map[string]string{"p.rego": "package other\n\nanswer := 1\n"}, policy.ErrInvalid},
		{"data that is no object", map[string]string{"d.yaml": "- 1\n"}, policy.ErrInvalid},
		{"data that names a key twice", map[string]string{"d.yaml": "a: 1\na: 2\n"}, policy.ErrInvalid},
		{"data where a package is", map[string]string{"p.rego": first, "d.yaml": "example: {greet: {answer: 1}}\n"}, policy.ErrInvalid},
		{"a policy that calls out by HTTP", map[string]string{"p.rego": "package example.greet\n\nanswer := http.send({\"method\": \"get\", \"url\": \"http://127.0.0.1\"})\n"}, policy.ErrInvalid},
		{"a policy that resolves names", map[string]string{"p.rego": "package example.greet\n\nanswer := net.lookup_ip_addr(\"localhost\")\n"}, policy.ErrInvalid},
		{"a policy that reads the environment", map[string]string{"p.rego": "package example.greet\n\nanswer := opa.runtime()\n"}, policy.ErrInvalid},
		{"a policy that draws lots", map[string]string{"p.rego": "package example.greet\n\nanswer := rand.intn(\"x\", 6)\n"}, policy.ErrInvalid},
		{"a file beyond the size bound", map[string]string{"p.rego": string(make([]byte, 2<<20))}, policy.ErrInvalid},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, body := range test.files {
				write(t, dir, name, body)
			}
			_, err := policy.Open(options(dir, newClock()))
			require.ErrorIs(t, err, test.want)
		})
	}
	t.Run("a directory that is not there", func(t *testing.T) {
		_, err := policy.Open(options(filepath.Join(t.TempDir(), "missing"), newClock()))
		require.ErrorIs(t, err, policy.ErrUnreadable)
	})
	t.Run("options that are not complete", func(t *testing.T) {
		for _, o := range []policy.Options{
			{Embedded: rego(""), Query: query, Now: time.Now}, {Name: "x", Query: query, Now: time.Now},
			{Name: "x", Embedded: rego(""), Now: time.Now}, {Name: "x", Embedded: rego(""), Query: query},
		} {
			_, err := policy.Open(o)
			require.ErrorContains(t, err, "policy options")
		}
	})
}

func TestDecideFailsClosed(t *testing.T) {
	tests := []struct {
		name string
		body string
		want error
	}{
		{"when no rule answers", "answer := 1 if input.never", policy.ErrUndefined},
		{"when two rules contradict each other", "answer := 1 if input.name\n\nanswer := 2 if input.name == \"Ann\"", policy.ErrEvaluation},
		{"when a built-in fails", "default answer := {\"text\": \"yes\"}\n\nanswer := {\"text\": \"no\"} if to_number(input.name) > 1", policy.ErrEvaluation},
		{"when a field is unknown", "answer := {\"text\": \"yes\", \"txet\": \"no\"}", policy.ErrShape},
		{"when a field has the wrong type", "answer := {\"text\": 1}", policy.ErrShape},
		{"when the answer is a bare value", "answer := true", policy.ErrShape},
		{"when the policy runs for too long", "answer := count([1 | some x in numbers.range(1, 20000); some y in numbers.range(1, 20000); x * y == 0])", policy.ErrTimeout},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e, err := policy.Open(policy.Options{Name: "greet", Embedded: rego(test.body), Query: query, Now: newClock().Now})
			require.NoError(t, err)
			var out answer
			digest, err := e.Decide(t.Context(), map[string]any{"name": "Ann"}, &out)
			require.ErrorIs(t, err, test.want)
			require.Empty(t, digest)
		})
	}
	t.Run("when the turn has ended", func(t *testing.T) {
		e, err := policy.Open(options("", newClock()))
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = e.Decide(ctx, map[string]any{"name": "Ann"}, &answer{})
		require.ErrorIs(t, err, context.Canceled)
	})
	t.Run("when the input cannot be converted", func(t *testing.T) {
		e, err := policy.Open(options("", newClock()))
		require.NoError(t, err)
		_, err = e.Decide(t.Context(), map[string]any{"name": make(chan int)}, &answer{})
		require.ErrorIs(t, err, policy.ErrInput)
	})
}

func TestInputMayBeAMapOrAStruct(t *testing.T) {
	e, err := policy.Open(options("", newClock()))
	require.NoError(t, err)
	for _, input := range []any{
		map[string]any{"name": "Ann"},
		map[string]string{"name": "Ann"},
		struct {
			Name string `json:"name"`
		}{"Ann"},
	} {
		var out answer
		_, err := e.Decide(t.Context(), input, &out)
		require.NoError(t, err)
		require.Equal(t, "hello Ann", out.Text)
	}
}

func TestThePolicysClockIsTheEngines(t *testing.T) {
	c := newClock()
	e, err := policy.Open(policy.Options{Name: "greet", Query: query, Now: c.Now,
		Embedded: rego("answer := {\"text\": time.format(time.now_ns())}")})
	require.NoError(t, err)
	text, _ := greet(t, e)
	require.Equal(t, "2026-03-01T12:00:00Z", text)
}

func BenchmarkDecide(b *testing.B) {
	e, err := policy.Open(options("", newClock()))
	require.NoError(b, err)
	input := map[string]any{"name": "Ann"}
	b.ReportAllocs()
	for b.Loop() {
		var out answer
		if _, err := e.Decide(b.Context(), input, &out); err != nil {
			b.Fatal(err)
		}
	}
}
