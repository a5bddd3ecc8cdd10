package ledger

import (
	"context"
	"strings"
	"time"
)

// Bounds of the dead letters. What goes is told of: see DeadLettered.
const (
	// MaxActing bounds the letters of those who had to act; beyond it the oldest of
	// them goes.
	MaxActing = 1000
	// MaxInforming bounds the letters of those who only take note, apart from the
	// others: there are many more of them, and they are worth less.
	MaxInforming = 500
	// maxFormer bounds what the version before kept, in one list: it is full at
	// most, and nothing is added to it.
	maxFormer = 1000
	// MaxDeadLetters bounds the letters of all lists.
	MaxDeadLetters = MaxActing + MaxInforming + maxFormer
	// DeadLetterRetention is how long a dead letter is kept. It goes when the next
	// one comes; if none does for as long again, Redis forgets them all.
	DeadLetterRetention = 14 * 24 * time.Hour
	// removedRetention is how long it is known what was removed when a letter came:
	// longer than anybody stores the same one again.
	removedRetention = time.Hour
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
	// Informs: whoever did not take it only takes note. Such letters never make
	// room for themselves at the cost of others. It is for PutDeadLetter only.
	Informs bool
	// At is when it was stored last, set by the ledger, by Redis' clock.
	At time.Time
}

// DeadLettered is what storing a dead letter found.
type DeadLettered struct {
	// First: this is the remediation's first dead letter (without a remediation:
	// the first of this id). Storing the same id again answers First again, so
	// that a retry after a crash still publishes the failure.
	First bool
	// Removed are older letters that are gone since this one came. Storing the same
	// id again within the hour answers them again, so that a retry after a crash
	// still tells of them.
	Removed []RemovedLetter
}

// RemovedLetter is a dead letter that nobody redrove and that is gone.
type RemovedLetter struct {
	ID          string
	Destination string
	Remediation string
	Why         Removal
}

// Removal is why a dead letter is gone.
type Removal string

// Why dead letters are removed.
const (
	// RemovedFull: it was the oldest of a list that was full.
	RemovedFull Removal = "full"
	// RemovedOld: it was kept for DeadLetterRetention.
	RemovedOld Removal = "old"
)

// PutDeadLetter stores a dead letter, once per id: of one that is refused again, the
// newer counts.
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
	own, other, most := deadActingKey(), deadInformingKey(), MaxActing
	if d.Informs {
		own, other, most = other, own, MaxInforming
	}
	keys := []string{deadBodiesKey(), deadFirstKey(owner), deadRemovedKey(d.ID), own, other, deadFormerKey()}
	reply, err := l.run(ctx, scriptDeadPut, keys, d.ID, body, most, millis(DeadLetterRetention), millis(removedRetention))
	if err != nil {
		return DeadLettered{}, wrap(op, err)
	}
	return DeadLettered{First: reply[0] == "1", Removed: parseRemoved(reply[1])}, nil
}

// parseRemoved reads the lines of dead_put.lua, three a letter. A letter that
// cannot be read is told of by its id.
func parseRemoved(lines string) (removed []RemovedLetter) {
	const perLetter = 3
	for f := strings.Split(lines, "\n"); len(f) >= perLetter; f = f[perLetter:] {
		letter, _ := decodeHead(f[1], f[2])
		removed = append(removed, RemovedLetter{ID: letter.ID, Destination: letter.Destination,
			Remediation: letter.Remediation, Why: Removal(f[0])})
	}
	return removed
}
