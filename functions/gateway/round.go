package function

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"kubernaut.ai/functions/gateway/caller"
	"kubernaut.ai/functions/gateway/scan"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/stage"
)

const (
	// roundPath is where a PingSource posts to.
	roundPath = "/api/v1/round"
	// roundBudget leaves room in a turn of 25 s to say what failed.
	roundBudget = 20 * time.Second
	// endBudget is the part of it that ending alerts may take: thousands may
	// expire at once, and the scans are no less urgent.
	endBudget = roundBudget / 2
	// markRound is when the last round was, and roundMissed how long ago that may
	// be: two rounds. After a longer outage nobody knows who posted meanwhile.
	markRound   = "round"
	roundMissed = 10 * time.Minute
	// roundRest is between two rounds of an instance, whoever asks for them.
	roundRest = time.Minute
	// headerType is the type of an event in binary mode.
	headerType = "Ce-Type"
)

const (
	// ReasonNoPing is of a request for a round that no PingSource made.
	ReasonNoPing = "not_a_ping"
	// ReasonRound is of a round of which a part failed.
	ReasonRound = "round_failed"
)

// round does what is due from time to time: it listens for the heartbeat, ends
// alerts that nobody posts any more, and looks for what senders lost. Any
// part may fail without keeping the others from being done. It may be called
// by several instances at a time, and again at once.
func (g *gateway) round(turn context.Context) error {
	ctx, cancel := context.WithTimeout(turn, roundBudget)
	defer cancel()
	errs := []error{g.listen(ctx), g.endUnlessDeaf(ctx)}
	for _, s := range g.scans {
		if err := g.look(ctx, s); err != nil {
			errs = append(errs, fmt.Errorf("scan %s: %w", s.Name, err))
		}
	}
	// Whatever failed, the senders could be heard. The scans may have used up ctx.
	errs = append(errs, g.claims.SetMark(turn, markRound, g.now()))
	return errors.Join(errs...)
}

// endUnlessDeaf ends what expired. On the first round after an outage it ends
// nothing: who posted could not be heard, and is heard until the next round.
func (g *gateway) endUnlessDeaf(ctx context.Context) error {
	last, err := g.claims.Mark(ctx, markRound)
	if err != nil {
		return err
	}
	if last.IsZero() || g.now().Sub(last) > roundMissed {
		stage.Logger(ctx).Infow("no round for long: what expired is ended by the next", "last", last)
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, endBudget)
	defer cancel()
	return g.endExpired(ctx)
}

// look accepts what a scan found, as if it had been posted.
func (g *gateway) look(ctx context.Context, s scan.Scan) error {
	found, err := s.Find(ctx)
	if err != nil {
		return err
	}
	for _, b := range found.Batches {
		if err := g.accept(ctx, b).failure(); err != nil {
			return err
		}
	}
	if found.Accepted == nil {
		return nil
	}
	return found.Accepted(ctx)
}

// rounds serves the ping that starts a round. Its answer has no body: whoever
// sends events takes any other for one.
func (h *handler) rounds(w http.ResponseWriter, r *http.Request) {
	g := h.gateway
	switch {
	case r.Method != http.MethodPost:
		h.refuse(w, r, stage.Problem{Type: stage.ProblemMethodNotAllowed, Status: http.StatusMethodNotAllowed,
			Reason: ReasonMethod, Detail: "Rounds are started by a PingSource: use POST."})
		return
	case r.Header.Get(headerType) != event.Ping:
		h.refuse(w, r, stage.Problem{Type: stage.ProblemValidation, Status: http.StatusBadRequest,
			Reason: ReasonNoPing, Detail: "Send an event of type " + event.Ping + " in binary mode."})
		return
	}
	// A PingSource has no credential: in the cluster it needs none, and from
	// elsewhere nobody starts rounds without one.
	who, err := h.gate.guard.Head(r)
	if err == nil && !who.Known() {
		err = &caller.Refusal{Status: http.StatusUnauthorized, Reason: caller.ReasonNoCredential, Detail: "A round is not signed."}
	}
	if err != nil {
		door{h, nil}.turnAway(w, r, refusedCaller(err))
		return
	}
	// One that is under way, or ended well a moment ago, saw what this one would.
	if g.rounds.TryLock() {
		defer g.rounds.Unlock()
		if g.now().Sub(g.rounded) < roundRest {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		if err := g.round(r.Context()); err != nil {
			stage.Logger(r.Context()).Warnw("round to be done again", "error", err)
			h.refuse(w, r, stage.Problem{Type: stage.ProblemUnavailable, Status: http.StatusServiceUnavailable,
				Reason: ReasonRound, Detail: "Part of the round failed; the log says which. It is done again at the next ping."})
			return
		}
		g.rounded = g.now()
	}
	w.WriteHeader(http.StatusNoContent)
}
