package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// MaxLimits bounds the limits of one Admit.
const MaxLimits = 16

// Limit bounds how many remediations may be admitted within a sliding window.
type Limit struct {
	// Name says what is counted, such as "action/drain_node" or "namespace/shop".
	Name string
	// Max is the most distinct remediations within Window; 0 admits none.
	Max    int
	Window time.Duration
}

// Admission is the breaker's answer.
type Admission struct {
	OK bool
	// Tripped names the limit that refused, or Paused.
	Tripped string
	// Count and Max are those of the limit that refused; without the asker.
	Count, Max int
}

// Paused is what Admission.Tripped says while everything is paused.
const Paused = "paused"

// Admit counts a remediation against all limits, or against none if one would
// be exceeded or everything is paused. A remediation that a limit has counted
// within its window is not counted again and is not refused by it.
func (l *Ledger) Admit(ctx context.Context, remediationID string, limits []Limit) (Admission, error) {
	a, err := l.admission(ctx, scriptAdmit, admitting{remediationID, limits})
	return a, wrap("admit remediation", err)
}

// WouldAdmit says what Admit would answer now, and counts nothing.
func (l *Ledger) WouldAdmit(ctx context.Context, remediationID string, limits []Limit) (Admission, error) {
	a, err := l.admission(ctx, scriptLimits, admitting{remediationID, limits})
	return a, wrap("foresee admission", err)
}

// admitting is who asks, and by which limits.
type admitting struct {
	remediation string
	limits      []Limit
}

func (l *Ledger) admission(ctx context.Context, s *redis.Script, a admitting) (Admission, error) {
	if err := validateLimits(a.remediation, a.limits); err != nil {
		return Admission{}, err
	}
	keys := []string{pauseKey()}
	args := []any{a.remediation}
	for _, limit := range a.limits {
		keys = append(keys, limitKey(limit.Name))
		args = append(args, limit.Max, millis(limit.Window))
	}
	reply, err := l.run(ctx, s, keys, args...)
	if err != nil {
		return Admission{}, err
	}
	switch reply[0] {
	case replyOK:
		return Admission{OK: true}, nil
	case Paused:
		return Admission{Tripped: Paused}, nil
	default:
		limit := a.limits[number(reply[1])-1]
		return Admission{Tripped: limit.Name, Max: limit.Max, Count: int(number(reply[2]))}, nil
	}
}

func validateLimits(remediationID string, limits []Limit) error {
	if err := checkID("remediation", remediationID); err != nil {
		return err
	}
	if len(limits) > MaxLimits {
		return fmt.Errorf("%w: more than %d limits", ErrInvalid, MaxLimits)
	}
	seen := make(map[string]bool, len(limits))
	for _, limit := range limits {
		if err := firstError(checkID("limit", limit.Name), checkSpan("window", limit.Window)); err != nil {
			return err
		}
		if limit.Max < 0 || seen[limit.Name] {
			return fmt.Errorf("%w: limit %s is negative or given twice", ErrInvalid, limit.Name)
		}
		seen[limit.Name] = true
	}
	return nil
}

// Pause stops all execution until Resume.
type Pause struct {
	By     string `json:"by"`
	Reason string `json:"reason"`
	// At is set by the ledger, by Redis' clock.
	At time.Time `json:"-"`
}

// Pause stops all execution. A second pause replaces the first.
func (l *Ledger) Pause(ctx context.Context, p Pause) error {
	const op = "pause"
	if p.By == "" {
		return wrap(op, fmt.Errorf("%w: nobody is named who paused", ErrInvalid))
	}
	if err := firstError(checkText("by", p.By), checkText("reason", p.Reason)); err != nil {
		return wrap(op, err)
	}
	body, err := json.Marshal(p)
	if err != nil {
		return wrap(op, err)
	}
	_, err = l.run(ctx, scriptPause, []string{pauseKey()}, body)
	return wrap(op, err)
}

// Resume ends a pause, and says whether there was one.
func (l *Ledger) Resume(ctx context.Context) (bool, error) {
	n, err := l.redis.Del(ctx, pauseKey()).Result()
	return n > 0, wrap("resume", err)
}

// Paused reads the pause; found is false when there is none. A pause that
// cannot be read is an error, and an error must be taken for a pause.
func (l *Ledger) Paused(ctx context.Context) (p Pause, found bool, err error) {
	const op = "read pause"
	fields, err := l.redis.HMGet(ctx, pauseKey(), "body", "at").Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return Pause{}, false, wrap(op, err)
	}
	body, ok := fields[0].(string)
	if !ok {
		return Pause{}, false, nil
	}
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		return Pause{}, true, wrap(op, err)
	}
	at, _ := fields[1].(string)
	p.At = instant(at)
	return p, true, nil
}
