package policy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync/atomic"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"

	"kubernaut.ai/shared/policy/internal/rules"
)

const (
	// CheckEvery is the shortest time between two looks at the user's directory.
	CheckEvery = 2 * time.Second
	// EvaluationTimeout bounds one decision. Sound policies take microseconds.
	EvaluationTimeout = time.Second
	// openTries is how often Open reads a directory that changes meanwhile.
	openTries = 3
)

// Options say which policy to open.
type Options struct {
	// Name is what logs and errors call the policy, such as "classify".
	Name string
	// Embedded holds the default policy: *.rego and data files at any depth.
	// Tests (*_test.rego) are left out.
	Embedded fs.FS
	// Dir is the user's directory; empty for the default policy alone.
	Dir string
	// Query is the rule to ask, such as data.kubernaut.classify.decision.
	Query string
	// Faults is the rule that lists what is wrong with the policy's data, such
	// as data.kubernaut.classify.faults. Data with a fault is refused as
	// ErrInvalid. A policy that lacks the rule takes any data; empty asks none.
	Faults string
	// Now is the clock of reloads and of the policy's time.now_ns.
	Now func() time.Time
}

func (o Options) validate() error {
	switch {
	case o.Name == "":
		return errors.New("policy options: Name is empty")
	case o.Embedded == nil:
		return errors.New("policy options: Embedded is nil")
	case o.Query == "":
		return errors.New("policy options: Query is empty")
	case o.Now == nil:
		return errors.New("policy options: Now is nil")
	}
	return nil
}

// Engine holds the policy in force. It is safe for concurrent use.
type Engine struct {
	options Options
	inForce atomic.Pointer[compiled]
	watch   watch
}

type compiled struct {
	query  rego.PreparedEvalQuery
	digest string
	user   bool
	since  time.Time
}

// Open compiles the policy that is in force now. It fails with ErrUnreadable
// or ErrInvalid, and never falls back from the user's policy to the default.
func Open(o Options) (*Engine, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	e := &Engine{options: o}
	mark, c, err := e.load(context.Background())
	if err != nil {
		return nil, fmt.Errorf("open policy %s: %w", o.Name, err)
	}
	e.inForce.Store(c)
	e.watch.start(mark, o.Now())
	return e, nil
}

// load reads again what changes while it is read: there is no last good policy
// to go on with.
func (e *Engine) load(ctx context.Context) (mark string, c *compiled, err error) {
	for range openTries {
		if mark, err = signature(e.options.Dir); err != nil {
			return "", nil, err
		}
		if c, err = e.compile(ctx, mark); !errors.Is(err, errChanged) {
			break
		}
	}
	return mark, c, err
}

// Decide asks the policy and decodes its answer into out, strictly: a field
// that out does not have is ErrShape. It returns the digest of the policy that
// decided. A map[string]any of strings, numbers, maps and slices is the fast
// input; anything else goes through JSON. On any error there is no decision.
func (e *Engine) Decide(ctx context.Context, input, out any) (digest string, err error) {
	e.refresh(ctx)
	c := e.inForce.Load()
	answer, err := ask(ctx, c.query, input, e.options.Now())
	if err != nil {
		return "", fmt.Errorf("ask policy %s: %w", e.options.Name, err)
	}
	if err := decodeStrictly(answer, out); err != nil {
		return "", fmt.Errorf("ask policy %s: %w: %w", e.options.Name, ErrShape, err)
	}
	return c.digest, nil
}

func ask(ctx context.Context, query rego.PreparedEvalQuery, input any, now time.Time) (any, error) {
	value, err := ast.InterfaceToValue(input)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInput, err)
	}
	// A policy's own time runs out apart from the turn's, so that one policy
	// that loops costs one decision and not the turn.
	bounded, cancel := context.WithTimeout(ctx, EvaluationTimeout)
	defer cancel()
	results, err := query.Eval(bounded, rego.EvalParsedInput(value), rego.EvalTime(now))
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case bounded.Err() != nil:
		return nil, fmt.Errorf("%w: more than %s", ErrTimeout, EvaluationTimeout)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrEvaluation, err)
	case len(results) == 0:
		return nil, ErrUndefined
	}
	return results[0].Expressions[0].Value, nil
}

func decodeStrictly(answer, out any) error {
	b, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(out); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("more than one value")
	}
	return nil
}

// compile makes a policy of the content that has the mark.
func (e *Engine) compile(ctx context.Context, mark string) (*compiled, error) {
	o := e.options
	source, err := read(o, mark)
	if err != nil {
		return nil, err
	}
	program, err := source.Compile(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	query, err := program.Prepare(ctx, o.Query)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if err := o.check(ctx, program); err != nil {
		return nil, err
	}
	return &compiled{query: query, digest: source.Digest, user: source.User, since: o.Now()}, nil
}

// check asks the policy what is wrong with its data. A check that gives no
// answer refuses.
func (o Options) check(ctx context.Context, program *rules.Program) error {
	if o.Faults == "" {
		return nil
	}
	query, err := program.Prepare(ctx, o.Faults)
	if errors.Is(err, rules.ErrNoRule) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	answer, err := ask(ctx, query, map[string]any{}, o.Now())
	switch faults, isList := answer.([]any); {
	case errors.Is(err, ErrTimeout):
		// Perhaps the machine is busy; the data may be sound.
		return fmt.Errorf("check data: %w", err)
	case err != nil:
		return fmt.Errorf("%w: check data: %w", ErrInvalid, err)
	case !isList || len(faults) > 0:
		return fmt.Errorf("%w: data: %v", ErrInvalid, answer)
	}
	return nil
}

// read fails with errChanged if the content no longer has the mark once it is
// read, whatever else is wrong with it.
func read(o Options, mark string) (*rules.Source, error) {
	dir, err := content(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	source, err := rules.Read(o.Embedded, dir)
	if now, changed := signature(o.Dir); changed != nil || now != mark {
		return nil, errChanged
	}
	if errors.Is(err, rules.ErrMalformed) {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	return source, nil
}
