package history

import (
	"context"
	"errors"
	"time"
)

// Errors of stores.
var (
	// ErrUnavailable marks what can pass: the store is locked, full or away.
	ErrUnavailable = errors.New("history store unavailable")
	// ErrNotFound says that history knows nothing under that id.
	ErrNotFound = errors.New("not in history")
	// ErrNotEnded says that the remediation is still under way.
	ErrNotEnded = errors.New("remediation has not ended")
	// ErrInvalid says that the argument can never be stored or asked.
	ErrInvalid = errors.New("invalid for history")
)

// Store keeps history. It is safe for concurrent use by goroutines and, where
// the database allows it, by processes. Consumers declare the part they need
// as an interface of their own.
type Store interface {
	Reader
	// Append stores entries durably, all or none, before it returns. An entry
	// whose id is stored already is left as it is.
	Append(ctx context.Context, entries ...Entry) error
	// Prune removes what is older than the given time: remediations that ended
	// before it, with all their entries, and entries that belong to none. It
	// works in bounded transactions, so that appends never wait for long, until
	// nothing is left or ctx ends, and answers how many rows it removed, also
	// beside an error. A remediation that has not ended stays, however old.
	Prune(ctx context.Context, olderThan time.Time) (int, error)
	// Forget removes one remediation and all its entries, whatever their age,
	// and answers how many rows that were. ErrNotFound if it is unknown,
	// ErrNotEnded while it is under way: the rest of it would be recorded again.
	// Its id is remembered until Prune would have removed it: what comes about it
	// until then and does not move it on, such as a duplicate, is forgotten, too.
	Forget(ctx context.Context, remediation string) (int, error)
}

// Reader is the part of a Store that changes nothing.
type Reader interface {
	// Timeline lists a remediation's entries, or those of the given types, the
	// oldest first, at most MaxTimeline. Where there are more, what moves it on is
	// never left out for what does not, nor anything for a duplicate, and of these
	// the oldest go first; the first entry says how many did. An unknown
	// remediation has none.
	Timeline(ctx context.Context, remediation string, types ...string) ([]Entry, error)
	// Last is the remediation's latest event that moved it on, or of the given
	// types; ErrNotFound if there is none.
	Last(ctx context.Context, remediation string, types ...string) (Entry, error)
	// Remediation sums one up; ErrNotFound if it is unknown.
	Remediation(ctx context.Context, id string) (Remediation, error)
	// Remediations lists those that match, the newest first.
	Remediations(ctx context.Context, filter Filter) ([]Remediation, error)
	// Namespaces lists the namespaces of the targets of all remediations, sorted,
	// at most limit of them and of MaxPage. Targets without one are left out.
	Namespaces(ctx context.Context, limit int) ([]string, error)
	// Events lists the entries of these ids, at most MaxPage of them, in no
	// order. What is not known is left out.
	Events(ctx context.Context, ids ...string) ([]Entry, error)
	// Live lists the last event of each remediation that is under way and whose
	// last event is from before olderThan, the longest silent first.
	Live(ctx context.Context, olderThan time.Time, limit int) ([]Entry, error)
	// Effectiveness counts the verdicts on an action.
	Effectiveness(ctx context.Context, of Case) (Effectiveness, error)
	// Ping tells whether the store answers.
	Ping(ctx context.Context) error
	Close() error
}

// Filter selects remediations; empty fields select all.
type Filter struct {
	Namespace, Kind, Name string
	Alert, Action         string
	Phase, Outcome        string
	// Namespaces selects those of any of these, unless it is nil: none of none.
	Namespaces []string
	// Unended selects those that are under way, as Live does: something moved
	// them, and nothing ended them.
	Unended bool
	// After continues behind the last remediation of the page before.
	After Cursor
	// Limit is at most MaxPage, which is also what zero means.
	Limit int
}

// Cursor is a place in the list of remediations.
type Cursor struct {
	OpenedAt time.Time
	ID       string
}

// Page is the limit in force: between 1 and MaxPage.
func Page(limit int) int {
	if limit < 1 || limit > MaxPage {
		return MaxPage
	}
	return limit
}

// Case is an action taken for an alert on a kind of object. An empty field
// matches any.
type Case struct{ Alert, Kind, Action string }

// Effectiveness tells how an action did in its case: one verdict for each
// step of each remediation, the last one given. Unknown is not success.
type Effectiveness struct {
	Tried, Effective, Ineffective, Unknown int
	// Last is when it was last judged, zero if never.
	Last time.Time
}

// Add counts another's verdicts in.
func (e *Effectiveness) Add(o Effectiveness) {
	e.Tried += o.Tried
	e.Effective += o.Effective
	e.Ineffective += o.Ineffective
	e.Unknown += o.Unknown
	if o.Last.After(e.Last) {
		e.Last = o.Last
	}
}
