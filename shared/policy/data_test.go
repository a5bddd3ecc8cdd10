package policy_test

import (
	"context"
	"errors"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/policy"
)

// bounded is a default policy that tells its data, and what is wrong with it.
var bounded = fstest.MapFS{
	"greet.rego": {Data: []byte(`package example.greet

answer := {"text": json.marshal(data.bounds)}

faults contains "bounds.low is not a number" if not low

low if is_number(data.bounds.low)

faults contains sprintf("bounds has no %q", [key]) if {
	some key, _ in data.bounds
	not key in {"low", "high", "of", "names"}
}
`)},
	"data.yaml": {Data: []byte("bounds: {low: 1, high: 2, of: {pods: 3, nodes: 4}, names: [a, b]}\n")},
}

func boundedOptions(dir string, c *clock) policy.Options {
	return policy.Options{Name: "bounded", Embedded: bounded, Dir: dir, Query: query, Faults: "data.example.greet.faults", Now: c.Now}
}

func TestAUsersDataIsMergedIntoTheDefaults(t *testing.T) {
	const own = "package example.greet\n\nanswer := {\"text\": json.marshal([data.bounds, data.mine])}\n"
	tests := []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"a file that names one key changes that key alone", map[string]string{"d.yaml": "bounds: {high: 9}\n"},
			`{"high":9,"low":1,"names":["a","b"],"of":{"nodes":4,"pods":3}}`},
		{"a key within a key is merged too", map[string]string{"d.yaml": "bounds: {of: {nodes: 0}}\n"},
			`{"high":2,"low":1,"names":["a","b"],"of":{"nodes":0,"pods":3}}`},
		{"a list is replaced as a whole", map[string]string{"d.yaml": "bounds: {names: [c]}\n"},
			`{"high":2,"low":1,"names":["c"],"of":{"nodes":4,"pods":3}}`},
		{"null takes a key away", map[string]string{"d.json": `{"bounds": {"high": null, "of": {"pods": null}}}`},
			`{"low":1,"names":["a","b"],"of":{"nodes":4}}`},
		{"null within a key that takes a value's place leaves nothing behind", map[string]string{"d.yaml": "bounds: {high: {x: null, z: 1}}\n"},
			`{"high":{"z":1},"low":1,"names":["a","b"],"of":{"nodes":4,"pods":3}}`},
		{"of two files that set one key, the later by name wins, and the rest of both counts", map[string]string{
			"1.yaml": "bounds: {low: 5, high: 5}\n", "2.yaml": "bounds: {high: 6}\n"},
			`{"high":6,"low":5,"names":["a","b"],"of":{"nodes":4,"pods":3}}`},
		{"rules of the user see the default's data under theirs", map[string]string{"own.rego": own, "d.yaml": "bounds: {high: 9}\nmine: 7\n"},
			`[{"high":9,"low":1,"names":["a","b"],"of":{"nodes":4,"pods":3}},7]`},
		{"rules of the user without the rule that checks data take any", map[string]string{"own.rego": own, "d.yaml": "bounds: {low: much}\nmine: 0\n"},
			`[{"high":2,"low":"much","names":["a","b"],"of":{"nodes":4,"pods":3}},0]`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e, err := policy.Open(boundedOptions(folder(t, test.files), newClock()))
			require.NoError(t, err)
			text, _ := greet(t, e)
			require.JSONEq(t, test.want, text)
		})
	}
}

func TestDataThatWouldHaveNoEffectOrABadOneIsRefused(t *testing.T) {
	tests := []struct {
		name, body, says string
	}{
		{"a key that the default policy does not have", "bonds: {low: 2}\n", `d.yaml sets "bonds", which the default policy does not have; it has bounds`},
		{"a key within a key that the policy does not know", "bounds: {lo: 2}\n", `bounds has no "lo"`},
		{"a value that the policy cannot use", "bounds: {low: much}\n", "bounds.low is not a number"},
		{"a value in place of a table", "bounds: 5\n", "bounds.low is not a number"},
		{"a table that is taken away", "bounds:\n", "bounds.low is not a number"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, dir := newClock(), t.TempDir()
			e, err := policy.Open(boundedOptions(dir, c))
			require.NoError(t, err)
			before, digest := greet(t, e)

			write(t, dir, "d.yaml", test.body)
			_, err = policy.Open(boundedOptions(dir, c))
			require.ErrorIs(t, err, policy.ErrInvalid)
			require.ErrorContains(t, err, test.says)

			c.Advance(policy.CheckEvery)
			after, still := greet(t, e)
			require.Equal(t, [2]string{before, digest}, [2]string{after, still}, "the last good one stays in force")
			require.ErrorContains(t, e.Status(t.Context()).Broken, test.says)
		})
	}
}

func TestACheckOfDataThatGivesNoAnswerRefuses(t *testing.T) {
	tests := []struct {
		name, rule string
		want       error
		stays      bool
	}{
		{"when it is undefined", "faults := [] if data.never", policy.ErrUndefined, true},
		{"when it fails", "faults contains \"x\" if to_number(\"x\") > 1", policy.ErrEvaluation, true},
		{"when its answer is no list", "faults := false", policy.ErrInvalid, true},
		{"when it runs for too long, which may pass", "faults := [1 | some x in numbers.range(1, 20000); some y in numbers.range(1, 20000); x * y == 0]",
			policy.ErrTimeout, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := boundedOptions("", newClock())
			o.Embedded = rego("answer := {\"text\": \"yes\"}\n\n" + test.rule)
			_, err := policy.Open(o)
			require.ErrorIs(t, err, test.want)
			require.Equal(t, test.stays, errors.Is(err, policy.ErrInvalid))
		})
	}
}

func TestAnAskerWhoGoesAwayDoesNotMakeASoundPolicyBroken(t *testing.T) {
	c, dir := newClock(), t.TempDir()
	e, err := policy.Open(boundedOptions(dir, c))
	require.NoError(t, err)
	write(t, dir, "d.yaml", "bounds: {high: 9}\n")
	c.Advance(policy.CheckEvery)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = e.Decide(ctx, map[string]any{}, &answer{})
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, e.Status(t.Context()).Broken)
}
