package event_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
)

func TestSectionsThatNobodyKnowsPassThroughByteForByte(t *testing.T) {
	const theirs = `{"cost": 1.50, "b":2,"a":[1, 2 ,3],"é":"\u00e9"}`
	doc, err := event.ParseDocument([]byte(`{"signal":{"name":"A","future":{"x":1.0}},"finops":` + theirs + `,"context":{}}`))
	require.NoError(t, err)
	doc, err = doc.With(event.Section{Name: event.SectionContext, Value: map[string]int{"n": 1}},
		event.Section{Name: event.SectionProposal, Value: map[string]int{"p": 1}})
	require.NoError(t, err)
	out, err := doc.Bytes()
	require.NoError(t, err)
	require.Equal(t, `{"signal":{"name":"A","future":{"x":1.0}},"finops":`+theirs+`,"context":{"n":1},"proposal":{"p":1}}`, string(out))
}

func TestDocumentsThatAreRefused(t *testing.T) {
	cases := []struct {
		name, data string
		want       error
	}{
		{"nothing at all", ``, event.ErrNotADocument},
		{"a list", `[1]`, event.ErrNotADocument},
		{"text that is not JSON", `{"a":`, event.ErrNotADocument},
		{"an object that does not end", `{"a":1`, event.ErrNotADocument},
		{"a section that appears twice", `{"decision":{"outcome":"held"},"decision":{"outcome":"approved"}}`, event.ErrDuplicateKey},
		{"more than the bound", `{"a":"` + strings.Repeat("x", event.MaxEventSize) + `"}`, event.ErrTooLarge},
		{"a second document behind the first", `{"a":1}{"b":2}`, event.ErrNotADocument},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := event.ParseDocument([]byte(c.data))
			require.ErrorIs(t, err, c.want)
		})
	}
}

func TestASectionIsRemovedByNil(t *testing.T) {
	doc, err := event.ParseDocument([]byte(`{"a":1,"decision":{},"b":2}`))
	require.NoError(t, err)
	without, err := doc.With(event.Section{Name: event.SectionDecision}, event.Section{Name: "absent"})
	require.NoError(t, err)
	out, err := without.Bytes()
	require.NoError(t, err)
	require.Equal(t, `{"a":1,"b":2}`, string(out))
	_, still := doc.Raw(event.SectionDecision)
	require.True(t, still, "the document it was made of is unchanged")
}

func TestADocumentThatGrewTooLargeIsRefused(t *testing.T) {
	_, err := event.Document{}.With(event.Section{Name: "a", Value: strings.Repeat("x", event.MaxEventSize)})
	require.NoError(t, err)
	doc, _ := event.Document{}.With(event.Section{Name: "a", Value: strings.Repeat("x", event.MaxEventSize)})
	_, err = doc.Bytes()
	require.ErrorIs(t, err, event.ErrTooLarge)
}

func FuzzParseDocument(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":{"b":[1,2]}}`, `{"a":1,"a":2}`, `{"a":1} x`, "{\"\xff\":1}", `null`, ` { "a" : -1.5e3 , "b\u0041":"x\\\"}" , "é" : true ,"c":[{"}":"]"}] }`, `{"":""}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := event.ParseDocument(data)
		var known map[string]json.RawMessage
		plain := json.Unmarshal(data, &known)
		if err != nil {
			require.True(t, plain != nil || known == nil || errors.Is(err, event.ErrDuplicateKey) || errors.Is(err, event.ErrTooLarge),
				"encoding/json takes %q: %v", data, err)
			return
		}
		require.NoError(t, plain)
		for name, want := range known {
			got, found := doc.Raw(name)
			require.True(t, found, "%q", name)
			require.Equal(t, string(want), string(got))
		}
		out, err := doc.Bytes()
		if err != nil {
			require.ErrorIs(t, err, event.ErrTooLarge)
			return
		}
		require.True(t, json.Valid(out))
		again, err := event.ParseDocument(out)
		require.NoError(t, err)
		twice, err := again.Bytes()
		require.NoError(t, err)
		require.Equal(t, string(out), string(twice))
	})
}
