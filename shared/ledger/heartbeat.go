package ledger

import (
	"context"
	"time"
)

var (
	scriptBeat  = script("beat")
	scriptPulse = script("pulse")
	scriptCalm  = script("calm")
)

// Pulse is how the heartbeat of the alerting stands.
type Pulse struct {
	// Lost: none came for too long, since Since.
	Lost bool
	// Back: one came again after a loss whose end is still to be told.
	Back bool
	// Since names the loss: every look at it gives the same.
	Since time.Time
	// Returned is when the heartbeat came back.
	Returned time.Time
}

// Beat notes that a heartbeat came.
func (l *Ledger) Beat(ctx context.Context) error {
	_, err := l.run(ctx, scriptBeat, []string{heartbeatKey()}, millis(MaxDuration))
	return wrap("note heartbeat", err)
}

// Pulse looks whether a heartbeat came within that time. Where none was ever
// noted, or Redis forgot, the time begins with this look.
func (l *Ledger) Pulse(ctx context.Context, within time.Duration) (Pulse, error) {
	const op = "look for heartbeat"
	if err := checkSpan("within", within); err != nil {
		return Pulse{}, wrap(op, err)
	}
	reply, err := l.run(ctx, scriptPulse, []string{heartbeatKey()}, millis(within), millis(MaxDuration))
	if err != nil {
		return Pulse{}, wrap(op, err)
	}
	p := Pulse{Lost: reply[0] == "lost", Back: reply[0] == "back"}
	if p.Lost || p.Back {
		p.Since = instant(reply[1])
	}
	if p.Back {
		p.Returned = instant(reply[2])
	}
	return p, nil
}

// Calm says that the end of a loss was told. Dying before it lets the next
// look tell it again.
func (l *Ledger) Calm(ctx context.Context, since time.Time) error {
	_, err := l.run(ctx, scriptCalm, []string{heartbeatKey()}, since.UnixMilli())
	return wrap("end loss of heartbeat", err)
}
