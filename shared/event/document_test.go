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
		{"a section that appears twice, once in capitals", `{"decision":{"outcome":"held"},"Decision":{"undo":true}}`, event.ErrDuplicateKey},
		{"a section that appears twice, both times in capitals", `{"Decision":{},"DECISION":{}}`, event.ErrDuplicateKey},
		{"a section in capitals, before its stage has set it", `{"Decision":{"undo":true,"approver":"alice"},"execution":{}}`, event.ErrDuplicateKey},
		{"a section in capitals that escapes hide", `{"\u0044ecision":{"undo":true}}`, event.ErrDuplicateKey},
		{"a section with a letter that only counts as one of its own", "{\"deci\u017fion\":{\"undo\":true}}", event.ErrDuplicateKey},
		{"another stage's section that appears twice in two cases", `{"finops":1,"finOps":2}`, event.ErrDuplicateKey},
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

func TestNoSectionIsSetBesideOneThatDiffersInCaseOnly(t *testing.T) {
	doc, err := event.ParseDocument([]byte(`{"finops":1}`))
	require.NoError(t, err)
	for _, name := range []string{"finOps", "Decision"} {
		_, err = doc.With(event.Section{Name: name, Value: 2})
		require.ErrorIs(t, err, event.ErrDuplicateKey, name)
	}
	_, err = doc.With(event.Section{Name: "Decision"})
	require.NoError(t, err, "what is not there can be removed")
}

func TestADocumentThatGrewTooLargeIsRefused(t *testing.T) {
	_, err := event.Document{}.With(event.Section{Name: "a", Value: strings.Repeat("x", event.MaxEventSize)})
	require.NoError(t, err)
	doc, _ := event.Document{}.With(event.Section{Name: "a", Value: strings.Repeat("x", event.MaxEventSize)})
	_, err = doc.Bytes()
	require.ErrorIs(t, err, event.ErrTooLarge)
}

func FuzzParseDocument(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":{"b":[1,2]}}`, `{"a":1,"a":2}`, `{"a":1} x`, "{\"\xff\":1}", `null`, ` { "a" : -1.5e3 , "b\u0041":"x\\\"}" , "é" : true ,"c":[{"}":"]"}] }`, `{"":""}`, `{"Decision":{}}`, `{"UndoRequest":1,"decision":null}`, `{"a":1,"A":2}`, "{\"tas\u212A\":1,\"task\":2}"} {
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
		// However leniently the data is decoded, a section is what the document has of it.
		var lenient struct {
			Decision  json.RawMessage `json:"decision"`
			UndoAsked json.RawMessage `json:"undoRequest"`
		}
		require.NoError(t, json.Unmarshal(data, &lenient))
		require.Equal(t, string(known["decision"]), string(lenient.Decision))
		require.Equal(t, string(known["undoRequest"]), string(lenient.UndoAsked))
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
