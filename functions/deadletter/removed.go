package function

import (
	"context"

	"kubernaut.ai/shared/ledger"
)

// tell names each letter that is gone since another came, of whom, and why:
// nobody can redrive it any more. Informs says that the other was record's, in
// whose list the room was made.
func (u undertaker) tell(ctx context.Context, removed []ledger.RemovedLetter, informs bool) {
	for _, letter := range removed {
		u.herald.Drop(ctx, goneFor(letter.Why, informs), described(letter))
	}
}

// goneFor is the named reason for which a letter is gone.
func goneFor(why ledger.Removal, informs bool) string {
	switch {
	case why == ledger.RemovedOld:
		return ReasonTooOld
	case informs:
		return ReasonFullForRecord
	}
	return ReasonFull
}

// described is one line on a letter, for people.
func described(letter ledger.RemovedLetter) string {
	text := "letter " + letter.ID + " of "
	if letter.Destination == "" {
		text += "a destination that cannot be read"
	}
	text += letter.Destination
	if letter.Remediation != "" {
		text += ", remediation " + letter.Remediation
	}
	return text
}
