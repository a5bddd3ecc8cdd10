package source

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/signal"
)

func TestStrictJSON(t *testing.T) {
	tests := map[string]struct {
		in   string
		want error
	}{
		"an object":                           {`{"a":{"b":[1,-2.5e+3,true,false,null,"x"]}}`, nil},
		"space around everything":             {" \t\r\n{ \"a\" : [ ] , \"b\" : { } } \n", nil},
		"a key named twice":                   {`{"a":1,"a":2}`, errDuplicateKey},
		"a key named twice with an escape":    {`{"a":1,"\u0061":2}`, errDuplicateKey},
		"a key named twice deep inside":       {`{"x":[{"a":1,"a":2}]}`, errDuplicateKey},
		"a key named twice among very many":   {`{` + many(40) + `"k3":1}`, errDuplicateKey},
		"many keys, each once":                {`{` + many(40) + `"z":1}`, nil},
		"nesting beyond the bound":            {strings.Repeat(`{"a":`, MaxDepth+1) + "1" + strings.Repeat("}", MaxDepth+1), errTooDeep},
		"nesting up to the bound":             {strings.Repeat(`{"a":`, MaxDepth) + "1" + strings.Repeat("}", MaxDepth), nil},
		"arrays beyond the bound":             {`{"a":` + strings.Repeat("[", 1<<20), errTooDeep},
		"bytes that are not UTF-8":            {"{\"a\":\"\xff\"}", errEncoding},
		"half of a surrogate pair":            {`{"a":"\ud800"}`, errEncoding},
		"a surrogate pair in the wrong order": {`{"a":"\udc00\ud800"}`, errEncoding},
		"a surrogate pair":                    {`{"a":"\ud83d\ude00"}`, nil},
		"an unknown escape":                   {`{"a":"\x"}`, errSyntax},
		"a control character in a string":     {"{\"a\":\"\n\"}", errSyntax},
		"a number with a leading zero":        {`{"a":01}`, errSyntax},
		"a number without digits":             {`{"a":-}`, errWrongType},
		"a trailing comma":                    {`{"a":1,}`, errSyntax},
		"a key without quotes":                {`{a:1}`, errSyntax},
		"a second document after the first":   {`{} {}`, errSyntax},
		"an array where an object is wanted":  {`[]`, errWrongType},
		"nothing":                             {``, errSyntax},
		"a document that ends too early":      {`{"a":[1,2`, errSyntax},
		"a string that ends too early":        {`{"a":"b\`, errSyntax},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			require.ErrorIs(t, document([]byte(test.in), skipObject), test.want)
		})
	}
}

func skipObject(r *reader) error { return r.object(func(string) error { return r.skip() }) }

func many(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(`"k` + string(rune('0'+i%10)) + strings.Repeat("x", i/10) + `":1,`)
	}
	return b.String()
}

// FuzzReaderAcceptsOnlyWhatTheStandardLibraryAccepts compares the reader with
// encoding/json: what it accepts is valid, and means the same.
func FuzzReaderAcceptsOnlyWhatTheStandardLibraryAccepts(f *testing.F) {
	for _, seed := range []string{`{"a":"b\u00e9\n","c":[1,2.5e-3,null,true]}`, `{"a":"\ud83d\ude00"}`, `{"":{}}`, `{"a":1,"a":2}`, `[`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		texts := map[string]string{}
		err := document(in, func(r *reader) error {
			return r.object(func(key string) error {
				if r.space(); r.at('"') {
					value, err := r.text()
					texts[key] = value
					return err
				}
				return r.skip()
			})
		})
		if err != nil {
			return
		}
		var want map[string]any
		require.NoError(t, json.Unmarshal(in, &want), "%q", in)
		for key, value := range texts {
			require.Equal(t, want[key], value)
		}
	})
}

// FuzzSources gives every source what strangers may post: whatever it makes an
// alert of has all that the gateway relies on, and is the same each time.
func FuzzSources(f *testing.F) {
	all, err := Open(settings(nil))
	require.NoError(f, err)
	for _, r := range readings {
		text, err := os.ReadFile(filepath.Join("testdata", r.fixture+".json"))
		require.NoError(f, err)
		f.Add(text, "1.0", typeAdd, len(r.headers) == len(structured))
	}
	f.Fuzz(func(t *testing.T, in []byte, version, kind string, whole bool) {
		headers := []string{"ce-specversion", version, "ce-type", kind, fluxMarker, kind}
		if whole {
			headers = append(headers, structured...)
		}
		for _, s := range all {
			b, err := s.Read(request(string(in), headers...))
			if err != nil {
				require.Empty(t, b.Items)
				continue
			}
			require.NotEmpty(t, b.Items)
			require.LessOrEqual(t, len(b.Items), MaxAlerts)
			require.GreaterOrEqual(t, b.Truncated, 0)
			again, err := s.Read(request(string(in), headers...))
			require.NoError(t, err)
			require.Equal(t, b, again)
			for _, i := range b.Items {
				checkItem(t, i)
			}
		}
	})
}

// checkItem holds an item to what the gateway relies on.
func checkItem(t *testing.T, i Item) {
	t.Helper()
	if i.Invalid != "" {
		return
	}
	a := i.Alert
	require.NotEmpty(t, a.Name())
	require.NotEmpty(t, a.ID)
	require.Positive(t, a.StartsAt.UnixMilli())
	require.LessOrEqual(t, len(a.Labels), MaxLabels)
	require.True(t, a.Expires.IsZero() || !a.Resolved && a.Expires.After(now))
	require.True(t, !a.Undated || a.StartsAt.Equal(now) || a.StartsAt.Equal(a.EndsAt))
	candidates, reason := signal.NewRules().Candidates(a)
	require.True(t, len(candidates) > 0 || reason != "")
	if a.Object.Kind != "" {
		require.LessOrEqual(t, len(candidates), 1)
	}
}

// TestABodyOfCountlessMembersIsRefused spreads them over objects that nobody
// asks for, too: those are held while their keys are compared.
func TestABodyOfCountlessMembersIsRefused(t *testing.T) {
	for name, open := range map[string]string{"labels": `"alerts":[{"labels":{`, "what nobody reads": `"ignored":[{"x":{`} {
		t.Run(name, func(t *testing.T) {
			var body strings.Builder
			body.WriteString("{" + open)
			for i := range MaxMembers {
				fmt.Fprintf(&body, `"l%d":"",`, i)
			}
			body.WriteString(`"last":""}}]}`)
			_, err := prometheus{}.Read(request(body.String()))
			require.ErrorIs(t, err, ErrTooMany)
		})
	}
}
