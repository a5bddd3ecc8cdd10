package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	// MaxDeadLetters bounds the store; beyond it the oldest goes.
	MaxDeadLetters = 1000
	// DeadLetterRetention is how long a dead letter is kept.
	DeadLetterRetention = 14 * 24 * time.Hour
)

// DeadLetter is an event that the Broker could not deliver.
type DeadLetter struct {
	// ID is the event's id, with whatever tells two subscribers' failures apart.
	ID    string
	Event []byte
	// Reason is free text, Code the last HTTP status, Destination the subscriber.
	Reason      string
	Code        int
	Destination string
	// Remediation is "" for an event that belongs to none.
	Remediation string
	// At is set by the ledger, by Redis' clock.
	At time.Time
}

// DeadLettered is what storing a dead letter found.
type DeadLettered struct {
	// First: this is the remediation's first dead letter (without a remediation:
	// the first of this id). Storing the same id again answers First again, so
	// that a retry after a crash still publishes the failure.
	First bool
	// Evicted counts older letters that made room.
	Evicted int
}

type deadBody struct {
	Reason      string `json:"reason,omitempty"`
	Code        int    `json:"code,omitempty"`
	Destination string `json:"destination,omitempty"`
	Remediation string `json:"remediation,omitempty"`
}

// PutDeadLetter stores a dead letter, once per id.
func (l *Ledger) PutDeadLetter(ctx context.Context, d DeadLetter) (DeadLettered, error) {
	const op = "store dead letter"
	body, err := encodeDead(d)
	if err != nil {
		return DeadLettered{}, wrap(op, err)
	}
	owner := "r/" + d.Remediation
	if d.Remediation == "" {
		owner = "e/" + d.ID
	}
	reply, err := l.run(ctx, scriptDeadPut, []string{deadTimesKey(), deadBodiesKey(), deadFirstKey(owner)},
		d.ID, body, MaxDeadLetters, millis(DeadLetterRetention))
	if err != nil {
		return DeadLettered{}, wrap(op, err)
	}
	return DeadLettered{First: reply[0] == "1", Evicted: int(number(reply[1]))}, nil
}

func encodeDead(d DeadLetter) ([]byte, error) {
	err := firstError(checkID("dead letter", d.ID), checkText("reason", d.Reason), checkText("destination", d.Destination))
	if err == nil && d.Remediation != "" {
		err = checkID("remediation", d.Remediation)
	}
	if err != nil {
		return nil, err
	}
	header, err := json.Marshal(deadBody{d.Reason, d.Code, d.Destination, d.Remediation})
	if err != nil {
		return nil, fmt.Errorf("encode dead letter: %w", err)
	}
	packed, err := pack(d.Event)
	if err != nil {
		return nil, err
	}
	return append(append(header, '\n'), packed...), nil
}

// DeadLetters lists the newest dead letters, at most limit. One that cannot be
// read does not hide the others: it is listed by its id, and returned with the error.
func (l *Ledger) DeadLetters(ctx context.Context, limit int) ([]DeadLetter, error) {
	const op = "list dead letters"
	if limit < 1 {
		return nil, wrap(op, fmt.Errorf("%w: limit %d", ErrInvalid, limit))
	}
	ids, err := l.redis.ZRevRangeWithScores(ctx, deadTimesKey(), 0, int64(min(limit, MaxDeadLetters))-1).Result()
	if err != nil || len(ids) == 0 {
		return nil, wrap(op, err)
	}
	names := make([]string, len(ids))
	for i, z := range ids {
		names[i], _ = z.Member.(string)
	}
	bodies, err := l.redis.HMGet(ctx, deadBodiesKey(), names...).Result()
	if err != nil {
		return nil, wrap(op, err)
	}
	letters := make([]DeadLetter, 0, len(ids))
	var errs []error
	for i, body := range bodies {
		stored, ok := body.(string)
		if !ok {
			continue // dropped in between
		}
		letter, err := decodeDead(names[i], stored)
		letter.At = time.UnixMilli(int64(ids[i].Score)).UTC()
		letters, errs = append(letters, letter), append(errs, err)
	}
	return letters, wrap(op, errors.Join(errs...))
}

func decodeDead(id, stored string) (DeadLetter, error) {
	header, packed, _ := strings.Cut(stored, "\n")
	var body deadBody
	if err := json.Unmarshal([]byte(header), &body); err != nil {
		return DeadLetter{ID: id}, fmt.Errorf("dead letter %q is malformed: %w", id, err)
	}
	event, err := unpack(packed)
	return DeadLetter{
		ID: id, Event: event, Reason: body.Reason, Code: body.Code,
		Destination: body.Destination, Remediation: body.Remediation,
	}, err
}

// DropDeadLetter forgets a dead letter, after it was redriven or given up; no
// error if it is not there.
func (l *Ledger) DropDeadLetter(ctx context.Context, id string) error {
	const op = "drop dead letter"
	if err := checkID("dead letter", id); err != nil {
		return wrap(op, err)
	}
	_, err := l.run(ctx, scriptDeadDrop, []string{deadTimesKey(), deadBodiesKey()}, id)
	return wrap(op, err)
}
