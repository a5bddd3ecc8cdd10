package function

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
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
	if _, err := lettersOf(v.query, nil); err != nil {
		return 0, nil, err
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

// filters are what a redrive may be narrowed by.
var filters = map[string]func(*redrive.Filter, string){
	"type":        func(f *redrive.Filter, v string) { f.Type = fullType(v) },
	"destination": func(f *redrive.Filter, v string) { f.Destination = v },
	"remediation": func(f *redrive.Filter, v string) { f.Remediation = v },
}

// fullType takes a type of the catalogue by its short name, too.
func fullType(name string) string {
	for _, entry := range event.Catalogue() {
		if event.ShortType(entry.Type) == name {
			return entry.Type
		}
	}
	return name
}

// lettersOf reads a query. What is not known is refused: a misspelt filter would
// otherwise redrive everything.
func lettersOf(q url.Values, known map[string]func(*redrive.Filter, string)) (f redrive.Filter, err error) {
	for name, values := range q {
		set, ok := known[name]
		switch {
		case !ok:
			return f, wrongQuery(fmt.Sprintf("There is no filter %.64q here.", name))
		case len(values) > 1 || values[0] == "":
			return f, wrongQuery("The filter " + name + " takes one value.")
		}
		set(&f, values[0])
	}
	return f, nil
}

func (d door) redrive(ctx context.Context, v visit) (int, any, error) {
	filter, err := lettersOf(v.query, filters)
	if err != nil {
		return 0, nil, err
	}
	if err := d.guard.Authorize(ctx, v.person, Access{Verb: verbRedrive}); err != nil {
		return 0, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, redriveWithin)
	defer cancel()
	sum, err := redrive.Do(ctx, redrive.Order{Letters: d.letters, Publish: d.desk.press.Publish, Filter: filter, Most: redriveMost})
	if err != nil && sum == (redrive.Result{}) {
		return 0, nil, err
	}
	stage.Logger(ctx).Infow("dead letters redriven", "by", v.person.Name, "comment", event.Cut(v.body.text(), event.MaxText),
		"accepted", sum.Accepted, "failed", sum.Failed, "kept", sum.Kept, "left", sum.Left, "error", err)
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
		next = append(next, "What was not taken stays: ask again when the Broker answers.")
	}
	if sum.Left > 0 {
		next = append(next, "Ask again for what is left.")
	}
	if next == nil {
		next = append(next, "There was nothing to redrive.")
	}
	return strings.Join(next, " ")
}
