package policytest

import (
	"os"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func TestRunsThePolicysOwnTests(t *testing.T) {
	Run(t, os.DirFS("../testdata/default"))
}

func TestTellsWhatFailed(t *testing.T) {
	module := func(body string) fstest.MapFS {
		return fstest.MapFS{"p_test.rego": {Data: []byte("package p_test\n\n" + body)}}
	}
	tests := []struct {
		name  string
		files fstest.MapFS
		pass  bool
		err   string
	}{
		{"a test that holds passes", module("test_x if 1 == 1"), true, ""},
		{"a test that does not hold fails", module("test_x if 1 == 2"), false, ""},
		{"a test that fails in a built-in fails", module("test_x if not to_number(\"x\") == 1"), false, ""},
		{"a test that is left for later does not pass", module("todo_test_x if 1 == 1"), false, ""},
		{"a test may not use what the engine takes away", module("test_x if opa.runtime()"), false, "undefined function opa.runtime"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			results, err := run(t.Context(), test.files)
			if test.err != "" {
				require.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			require.Len(t, results, 1)
			require.Equal(t, test.pass, results[0].Pass())
		})
	}
}
