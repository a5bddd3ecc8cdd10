package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// DueShards spreads the due list over the slots of a cluster.
const DueShards = 16

// Due is something to be done later.
type Due struct {
	// ID names it; scheduling the same id again moves it.
	ID string
	// Kind says who handles it: assess, watch, expire, resume, ...
	Kind        string
	Fingerprint string
	Remediation string
	// Payload is what its handler needs, such as a sealed event to publish.
	Payload []byte
}

func watchItem(fingerprint, remediationID string, event []byte) Due {
	return Due{
		ID: WatchID(remediationID), Kind: KindWatch,
		Fingerprint: fingerprint, Remediation: remediationID, Payload: event,
	}
}

func (d Due) validate() error {
	err := firstError(checkID("item", d.ID), checkName("kind", d.Kind))
	if err == nil && d.Fingerprint != "" {
		err = checkID("fingerprint", d.Fingerprint)
	}
	if err == nil && d.Remediation != "" {
		err = checkID("remediation", d.Remediation)
	}
	return err
}

type dueHeader struct {
	Kind        string `json:"k"`
	Fingerprint string `json:"f,omitempty"`
	Remediation string `json:"r,omitempty"`
}

// encodeDue writes a line of JSON, then the packed payload.
func encodeDue(d Due) ([]byte, error) {
	header, err := json.Marshal(dueHeader{d.Kind, d.Fingerprint, d.Remediation})
	if err != nil {
		return nil, fmt.Errorf("encode due item: %w", err)
	}
	packed, err := pack(d.Payload)
	if err != nil {
		return nil, err
	}
	return append(append(header, '\n'), packed...), nil
}

func decodeDue(id, stored string) (Due, error) {
	line, packed, ok := bytes.Cut([]byte(stored), []byte{'\n'})
	var header dueHeader
	if !ok || json.Unmarshal(line, &header) != nil {
		return Due{}, fmt.Errorf("due item %q is malformed", id)
	}
	payload, err := unpack(string(packed))
	return Due{
		ID: id, Kind: header.Kind, Payload: payload,
		Fingerprint: header.Fingerprint, Remediation: header.Remediation,
	}, err
}

// The modes of scheduling an id that is there already.
const (
	modeMove     = "move"      // new time, new body
	modeMoveTime = "move_time" // new time, old body
	modeLater    = "later"     // the later time, old body
	modeKeep     = "keep"      // nothing changes
)

type scheduleRequest struct {
	in   time.Duration
	mode string
	// on is the list; empty is listDue.
	on list
	// most bounds the items of one shard of the list; 0 does not.
	most int
}

func (r scheduleRequest) list() list {
	if r.on == "" {
		return listDue
	}
	return r.on
}

func scheduleCall(d Due, r scheduleRequest) (batchCall, error) {
	body, err := encodeDue(d)
	if err = firstError(err, d.validate(), checkDelay("delay", r.in)); err != nil {
		return batchCall{}, err
	}
	return batchCall{script: scriptSchedule, keys: r.list().keys(shardOf(d.ID)), args: []any{d.ID, body, millis(r.in), r.mode, r.most}}, nil
}

func (l *Ledger) schedule(ctx context.Context, d Due, r scheduleRequest) error {
	call, err := scheduleCall(d, r)
	if err != nil {
		return err
	}
	_, err = l.run(ctx, call.script, call.keys, call.args...)
	return err
}

// Schedule puts an item on the due list, or moves the one of that id and
// replaces its payload. Whoever leased it before has lost the lease.
func (l *Ledger) Schedule(ctx context.Context, d Due, in time.Duration) error {
	return wrap("schedule item", l.schedule(ctx, d, scheduleRequest{in: in, mode: modeMove}))
}

// ScheduleOnce puts an item on the due list unless one of that id is there.
func (l *Ledger) ScheduleOnce(ctx context.Context, d Due, in time.Duration) error {
	return wrap("schedule item once", l.schedule(ctx, d, scheduleRequest{in: in, mode: modeKeep}))
}

// DropDue takes an item off the due list, leased or not; no error if it is not there.
func (l *Ledger) DropDue(ctx context.Context, id string) error {
	const op = "drop item"
	if err := checkID("item", id); err != nil {
		return wrap(op, err)
	}
	_, err := l.run(ctx, scriptDueDrop, listDue.keys(shardOf(id)), id)
	return wrap(op, err)
}

// Complete takes a leased item off the due list. ErrLostLease when it was
// leased again, moved or dropped since.
func (l *Ledger) Complete(ctx context.Context, item Leased) error {
	return l.changeLeased(ctx, "complete item", item, -1)
}

// Postpone gives a leased item back, due again in a while. ErrLostLease as in
// Complete.
func (l *Ledger) Postpone(ctx context.Context, item Leased, in time.Duration) error {
	if err := checkDelay("delay", in); err != nil {
		return wrap("postpone item", err)
	}
	return l.changeLeased(ctx, "postpone item", item, millis(in))
}

func (l *Ledger) changeLeased(ctx context.Context, op string, item Leased, in int64) error {
	if err := checkID("item", item.ID); err != nil {
		return wrap(op, err)
	}
	answer, err := l.run(ctx, scriptDueChange, item.list.keys(shardOf(item.ID)), item.ID, item.token, in)
	return wrap(op, leaseError(answer, err))
}
