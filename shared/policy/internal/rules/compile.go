package rules

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
)

// clock is the one built-in whose answer differs from call to call and that a
// policy may use: the engine sets the time.
const clock = "time.now_ns"

// forbidden are built-ins that are taken away though they answer the same
// each time: they sign for others with whatever key a policy was given.
var forbidden = []string{"providers.aws.sign_req"}

// capabilities are Open Policy Agent's, without what reaches out of the
// process, reads its environment, or draws random numbers.
func capabilities() *ast.Capabilities {
	c := ast.CapabilitiesForThisVersion()
	c.AllowNet = []string{}
	c.Builtins = slices.DeleteFunc(slices.Clone(c.Builtins), func(b *ast.Builtin) bool {
		return (b.Nondeterministic && b.Name != clock) || slices.Contains(forbidden, b.Name)
	})
	return c
}

// Store holds the policy's data documents.
func (s *Source) Store() storage.Store {
	return inmem.NewFromObjectWithOpts(s.Data, inmem.OptReturnASTValuesOnRead(true))
}

// Compiler is a fresh compiler with the powers of a policy.
func Compiler() *ast.Compiler {
	return ast.NewCompiler().WithCapabilities(capabilities()).WithDefaultRegoVersion(ast.RegoV1)
}

// ErrNoRule says that no rule of the policy answers a query.
var ErrNoRule = errors.New("no rule defines it")

// Program is a compiled policy.
type Program struct {
	compiler *ast.Compiler
	store    storage.Store
}

// Compile also refuses data that stands where a module's package is: one of
// them would hide the other.
func (s *Source) Compile(ctx context.Context) (*Program, error) {
	store := s.Store()
	txn, err := store.NewTransaction(ctx)
	if err != nil {
		return nil, fmt.Errorf("read policy data: %w", err)
	}
	defer store.Abort(ctx, txn)
	compiler := Compiler().WithPathConflictsCheck(storage.NonEmpty(ctx, store, txn))
	if compiler.Compile(s.Modules); compiler.Failed() {
		return nil, compiler.Errors
	}
	return &Program{compiler: compiler, store: store}, nil
}

// Prepare readies the policy for one query; ErrNoRule if it has no rule to
// answer it. It does not evaluate partially: that would be faster to ask, but
// a user's policy could then make the preparation run without bound.
func (p *Program) Prepare(ctx context.Context, query string) (rego.PreparedEvalQuery, error) {
	var none rego.PreparedEvalQuery
	ref, err := ast.ParseRef(query)
	if err != nil {
		return none, fmt.Errorf("parse query %s: %w", query, err)
	}
	if len(p.compiler.GetRulesExact(ref)) == 0 {
		return none, fmt.Errorf("query %s: %w", query, ErrNoRule)
	}
	return rego.New(rego.Query(query), rego.Compiler(p.compiler), rego.Store(p.store),
		rego.StrictBuiltinErrors(true)).PrepareForEval(ctx)
}
