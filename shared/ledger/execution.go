package ledger

import (
	"context"
	"fmt"
	"time"
)

// StartOutcome says whether a step may be executed.
type StartOutcome string

// What StartExecution can answer.
const (
	// Acquired: the locks are held; execute, then EndExecution.
	Acquired StartOutcome = "acquired"
	// CancelledFirst: the remediation was cancelled before; do not execute.
	CancelledFirst StartOutcome = "cancelled"
	// Busy: somebody else is changing the workload; Holder says who.
	Busy StartOutcome = "busy"
)

// ExecutionStart asks to execute one step of a remediation.
type ExecutionStart struct {
	Fingerprint string
	Remediation string
	// Step names the step within the remediation, an undo included.
	Step string
	// Target is the fingerprint of what the action changes, where that is not the
	// claim's own workload; "" where it is.
	Target string
	// Lease bounds the locks if this process dies: the length of a turn and grace.
	Lease time.Duration
}

func (e ExecutionStart) foreign() bool { return e.Target != "" && e.Target != e.Fingerprint }

func (e ExecutionStart) holder() string { return e.Remediation + "/" + e.Step }

func (e ExecutionStart) validate() error {
	err := firstError(checkID("fingerprint", e.Fingerprint), checkName("step", e.Step), checkSpan("lease", e.Lease))
	if err == nil && e.foreign() {
		err = checkID("target", e.Target)
	}
	return err
}

// Execution is a started step: what EndExecution needs.
type Execution struct {
	ExecutionStart
	Outcome StartOutcome
	// Holder is "<remediation>/<step>" of whoever makes this one Busy.
	Holder string
	// Token and TargetToken fence the locks.
	Token       int64
	TargetToken int64
}

// StartExecution checks in one script that the remediation is not cancelled,
// marks the step as executing and locks the claim's workload; the target's own
// lock, where it is another workload, is taken first and given back when the
// claim refuses, so that a claim is never marked without all locks held. The
// same step may be started again, after a crash or for its next turn: it gets
// new tokens. ErrSettled and ErrNotHolder as in Advance.
func (l *Ledger) StartExecution(ctx context.Context, s ExecutionStart) (Execution, error) {
	const op = "start execution"
	e := Execution{ExecutionStart: s}
	id, err := parseRemediation(s.Remediation)
	if err = firstError(err, s.validate()); err != nil {
		return Execution{}, wrap(op, err)
	}
	if s.foreign() {
		if err := l.lockTarget(ctx, &e); err != nil || e.Outcome == Busy {
			return e, wrap(op, err)
		}
	}
	if err := l.lockClaim(ctx, &e, id); err != nil {
		return Execution{}, wrap(op, err)
	}
	if e.Outcome != Acquired && s.foreign() {
		if err := l.unlockTarget(ctx, e); err != nil {
			return Execution{}, wrap(op, err)
		}
		e.TargetToken = 0
	}
	return e, nil
}

func (l *Ledger) lockTarget(ctx context.Context, e *Execution) error {
	reply, err := l.run(ctx, scriptLock, []string{lockKey(e.Target)}, e.holder(), millis(e.Lease))
	if err != nil {
		return err
	}
	if reply[0] == string(Busy) {
		e.Outcome, e.Holder = Busy, reply[1]
		return nil
	}
	e.TargetToken = number(reply[1])
	return nil
}

// lockClaim takes the lock on the claim's workload. A claim that is not ours
// gives the target's lock back before it is an error.
func (l *Ledger) lockClaim(ctx context.Context, e *Execution, id remediation) error {
	reply, err := l.run(ctx, scriptStart, []string{claimKey(e.Fingerprint), lockKey(e.Fingerprint)},
		id.base, id.generation, e.Step, e.holder(), millis(e.Lease))
	if err != nil {
		return err
	}
	switch word := reply[0]; word {
	case string(Acquired):
		e.Outcome, e.Token = Acquired, number(reply[1])
		return nil
	case string(Busy):
		e.Outcome, e.Holder = Busy, reply[1]
		return nil
	case string(CancelledFirst):
		e.Outcome = CancelledFirst
		return nil
	default:
		if e.foreign() {
			if err := l.unlockTarget(ctx, *e); err != nil {
				return err
			}
		}
		return startRefused(word)
	}
}

func startRefused(word string) error {
	switch word {
	case replyNotHolder:
		return ErrNotHolder
	case replySettled:
		return ErrSettled
	default:
		return fmt.Errorf("unexpected answer %q", word)
	}
}

func (l *Ledger) unlockTarget(ctx context.Context, e Execution) error {
	_, err := l.run(ctx, scriptUnlock, []string{lockKey(e.Target)}, e.holder(), e.TargetToken)
	return err
}

// EndExecution gives the locks back. With applied false the step changed
// nothing (it was refused, or only planned), and a later Cancel still comes in
// time; with true it never does again. ErrLostLease when the lock passed to
// somebody else before: the step's result is still recorded, since what was
// applied was applied.
func (l *Ledger) EndExecution(ctx context.Context, e Execution, applied bool) error {
	const op = "end execution"
	id, err := parseRemediation(e.Remediation)
	if err = firstError(err, e.validate()); err != nil {
		return wrap(op, err)
	}
	if e.foreign() {
		if err := l.unlockTarget(ctx, e); err != nil {
			return wrap(op, err)
		}
	}
	mark := 0
	if applied {
		mark = 1
	}
	reply, err := l.run(ctx, scriptEnd, []string{claimKey(e.Fingerprint), lockKey(e.Fingerprint)},
		id.base, id.generation, e.Step, e.holder(), e.Token, mark)
	if err == nil && reply[0] == replyLost {
		err = ErrLostLease
	}
	return wrap(op, err)
}
