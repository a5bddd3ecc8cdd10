// Package policytest runs a policy's own tests, the *_test.rego beside it, as
// `opa test` does, under `go test` and with the powers that the engine gives.
//
//	func TestPolicy(t *testing.T) { policytest.Run(t, os.DirFS("policy")) }
//
// It is apart from package policy because the runner brings package testing
// and a coverage tracer, which no binary should carry.
package policytest

import (
	"context"
	"fmt"
	"io/fs"
	"sort"
	"testing"

	"github.com/open-policy-agent/opa/v1/tester"

	"kubernaut.ai/shared/policy/internal/rules"
)

// Run runs every Rego test under fsys as a subtest. A policy without tests
// fails, as does a test that is skipped (todo_test_).
func Run(t *testing.T, fsys fs.FS) {
	t.Helper()
	results, err := run(t.Context(), fsys)
	if err != nil {
		t.Fatal(err)
	}
	if len(results) == 0 {
		t.Fatal("the policy has no tests")
	}
	for _, r := range results {
		t.Run(r.Name, func(t *testing.T) {
			if !r.Pass() {
				t.Errorf("%s: %s %v\n%s", r.Location, r, r.Error, r.Output)
			}
		})
	}
}

func run(ctx context.Context, fsys fs.FS) ([]*tester.Result, error) {
	source, err := rules.ReadTests(fsys)
	if err != nil {
		return nil, err
	}
	store := source.Store()
	compiler := rules.Compiler().WithEnablePrintStatements(true)
	runner := tester.NewRunner().SetCompiler(compiler).
		SetStore(store).SetModules(source.Modules).CapturePrintOutput(true).RaiseBuiltinErrors(true)
	found, err := runner.RunTests(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("compile policy tests: %w", err)
	}
	var results []*tester.Result
	for r := range found {
		results = append(results, r)
	}
	// The runner works in parallel; people read in order.
	sort.Slice(results, func(i, j int) bool { return results[i].Name < results[j].Name })
	return results, nil
}
