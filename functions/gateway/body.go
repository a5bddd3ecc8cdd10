package function

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"kubernaut.ai/shared/stage"
)

const (
	// firstRead is what a body is given to begin with, in bytes; most need no
	// more. From there it doubles as the bytes arrive, so that a sender who
	// promises much and sends nothing holds little.
	firstRead = 64 << 10
	// unprovenShare is the part of the bodies' memory, as its divisor, that goes
	// to callers who are known only by their body: strangers cannot use up the rest.
	unprovenShare = 4
)

// Reasons for which a body is not read to its end.
const (
	ReasonTooLarge = "body_too_large"
	ReasonCutOff   = "body_cut_off"
	ReasonTooSlow  = "body_too_slow"
	ReasonFull     = "too_many_bytes_in_flight"
)

// budget bounds the bytes that bodies hold together.
type budget struct{ free atomic.Int64 }

func newBudget(bytes int) *budget {
	b := &budget{}
	b.free.Store(int64(bytes))
	return b
}

// take reserves bytes, or nothing.
func (b *budget) take(n int) bool {
	for {
		free := b.free.Load()
		if free < int64(n) {
			return false
		}
		if b.free.CompareAndSwap(free, free-int64(n)) {
			return true
		}
	}
}

func (b *budget) give(n int) { b.free.Add(int64(n)) }

// reading is a body on its way in.
type reading struct {
	of     *budget
	most   int
	within time.Duration
	now    func() time.Time
}

var (
	errTooLarge = errors.New("body too large")
	errFull     = errors.New("no memory for the body")
)

// body reads a whole body within its time. What it holds of the budget is its
// capacity, which the caller gives back; after a refusal it holds nothing.
func (in reading) body(w http.ResponseWriter, r *http.Request) ([]byte, *stage.Problem) {
	until := in.now().Add(in.within)
	control := http.NewResponseController(w)
	// Not every server can do that; then at least each piece that comes is timed.
	limited := control.SetReadDeadline(until) == nil
	body, err := in.read(r, until)
	if limited && err == nil {
		// The server reads on, to hear of a sender that hangs up.
		err = control.SetReadDeadline(time.Time{})
	}
	if err == nil {
		return body, nil
	}
	in.of.give(cap(body))
	return nil, in.problem(err)
}

// read grows the body as it arrives. It returns what it holds with the error.
func (in reading) read(r *http.Request, until time.Time) ([]byte, error) {
	if r.ContentLength > int64(in.most) {
		return nil, errTooLarge
	}
	whole := in.most + 1
	if r.ContentLength >= 0 {
		whole = int(r.ContentLength)
	}
	body, err := in.grown(nil, min(firstRead, max(whole, 1)))
	for err == nil {
		var n int
		n, err = r.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case len(body) > in.most:
			return body, errTooLarge
		case r.ContentLength > 0 && len(body) == whole, errors.Is(err, io.EOF) && r.ContentLength <= 0:
			return body, nil
		case err != nil:
			return body, err
		case in.now().After(until):
			return body, os.ErrDeadlineExceeded
		case len(body) == cap(body):
			body, err = in.grown(body, min(2*cap(body), max(whole, cap(body)+1)))
		}
	}
	return body, err
}

// grown moves a body to a larger place; both count until it has moved.
func (in reading) grown(body []byte, size int) ([]byte, error) {
	if !in.of.take(size) {
		return body, errFull
	}
	larger := make([]byte, len(body), size)
	copy(larger, body)
	in.of.give(cap(body))
	return larger, nil
}

func (in reading) problem(err error) *stage.Problem {
	p := &stage.Problem{Type: stage.ProblemUnavailable, Status: http.StatusServiceUnavailable}
	switch {
	case errors.Is(err, errTooLarge):
		p.Type, p.Status, p.Reason = stage.ProblemTooLarge, http.StatusRequestEntityTooLarge, ReasonTooLarge
		p.Detail = fmt.Sprintf("A request may have %d bytes; set max_alerts at the sender.", in.most)
	case errors.Is(err, errFull):
		p.Reason, p.Detail = ReasonFull, "Too many bytes are being worked on; post this again."
	case errors.Is(err, os.ErrDeadlineExceeded):
		p.Reason, p.Detail = ReasonTooSlow, fmt.Sprintf("The body did not arrive within %s; post it again.", in.within)
	default:
		p.Reason, p.Detail = ReasonCutOff, "The request ended before its body did; post it again."
	}
	return p
}
