package function

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/redrive"
	"kubernaut.ai/shared/stage"
)

const (
	// lettersShown bounds a list of dead letters.
	lettersShown = 200
	// redriveMost and redriveWithin bound what one request redrives: who asked has
	// not gone by then.
	redriveMost   = 200
	redriveWithin = 20 * time.Second
)

// letterList is the dead letters, the newest first.
type letterList struct {
	Letters []letter `json:"letters"`
	// More: there are older ones.
	More bool `json:"more,omitempty"`
}

// letter is one event that was not delivered. What it holds is not shown: it may
// be about namespaces that the person cannot read.
type letter struct {
	ID          string    `json:"id"`
	At          time.Time `json:"at"`
	Type        string    `json:"type,omitempty"`
	Remediation string    `json:"remediation,omitempty"`
	// Destination is the stage that failed it, and its address.
	Destination string `json:"destination"`
	Reason      string `json:"reason"`
	// Code is the last HTTP status, 0 if there was none.
	Code int `json:"code,omitempty"`
	// Unreadable: Redis has its id, and no event that could be redriven.
	Unreadable bool `json:"unreadable,omitempty"`
}

func (d door) deadLetters(ctx context.Context, v visit) (int, any, error) {
	if len(v.query) > 0 {
		return 0, nil, wrongQuery("This list takes no filters.")
	}
	if err := d.guard.Authorize(ctx, v.person, Access{Verb: verbList}); err != nil {
		return 0, nil, err
	}
	found, err := d.letters.DeadLetters(ctx, lettersShown+1)
	if err != nil && len(found) == 0 {
		return 0, nil, err
	}
	out := letterList{Letters: []letter{}, More: len(found) > lettersShown}
	for _, l := range found[:min(len(found), lettersShown)] {
		out.Letters = append(out.Letters, letterOf(l))
	}
	return http.StatusOK, out, nil
}

func letterOf(l ledger.DeadLetter) letter {
	out := letter{ID: l.ID, At: l.At, Remediation: l.Remediation, Destination: l.Destination, Reason: l.Reason, Code: l.Code}
	e, err := stage.Decode(l.Event)
	if err != nil {
		out.Unreadable = true
		return out
	}
	out.Type = event.ShortType(e.Type())
	return out
}

// redriven is what became of the dead letters.
type redriven struct {
	redrive.Result
	By string `json:"by"`
	// Why some were not taken.
	Why  string `json:"why,omitempty"`
	Next string `json:"next"`
}

// redriveParameters are what a redrive may be narrowed by. An empty one is
// refused: without it everything would be redriven.
var redriveParameters = map[string]func(f *redrive.Filter, value string) (wrong string){
	"type": func(f *redrive.Filter, v string) (wrong string) {
		f.Type, wrong = typeOf("type", v)
		return wrong
	},
	"destination": func(f *redrive.Filter, v string) string { f.Destination = v; return needed("destination", v) },
	"remediation": func(f *redrive.Filter, v string) string { f.Remediation = v; return needed("remediation", v) },
}

func needed(parameter, value string) (wrong string) {
	if value == "" {
		return parameter + " is empty."
	}
	return ""
}

func (d door) redrive(ctx context.Context, v visit) (int, any, error) {
	filter, err := readQuery(v.query, redrive.Filter{}, redriveParameters)
	if err != nil {
		return 0, nil, err
	}
	if err := d.guard.Authorize(ctx, v.person, Access{Verb: verbRedrive}); err != nil {
		return 0, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, redriveWithin)
	defer cancel()
	sum, err := redrive.Do(ctx, redrive.Order{Letters: d.letters, Publish: d.desk.press.Publish, Filter: filter, Most: redriveMost, Now: d.desk.now})
	if err != nil && sum == (redrive.Result{}) {
		return 0, nil, err
	}
	stage.Logger(ctx).Infow("dead letters redriven", "by", v.person.Name, "comment", event.Cut(v.body.text(), event.MaxText),
		"accepted", sum.Accepted, "failed", sum.Failed, "kept", sum.Kept, redrive.ReasonTooOld, sum.TooOld, "left", sum.Left, "error", err)
	out := redriven{Result: sum, By: v.person.Name, Next: nextOf(sum)}
	if err != nil {
		out.Why = event.Cut(err.Error(), event.MaxText)
	}
	return http.StatusOK, out, nil
}

func nextOf(sum redrive.Result) string {
	var next []string
	if sum.Accepted > 0 {
		next = append(next, "The Broker delivers what it took; what fails again becomes a dead letter again.")
	}
	if sum.Failed > 0 {
		next = append(next, "What failed stays: ask again when the Broker answers.")
	}
	if sum.TooOld > 0 {
		next = append(next, fmt.Sprintf("%d of the kept are older than %d days and stay until they expire (%s): their remediations may have"+
			" ended, and nothing that they ask for may be done any more.", sum.TooOld, int(ledger.MaxEventAge.Hours()/24), redrive.ReasonTooOld))
	}
	if sum.Left > 0 {
		next = append(next, "Ask again for what is left.")
	}
	if next == nil {
		next = append(next, "There was nothing to redrive.")
	}
	return strings.Join(next, " ")
}
