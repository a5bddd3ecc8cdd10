package function

import "context"

// notifyOnly says what was found, and changes nothing: the last rung of a
// ladder, and the smallest example of an action.
//
// To add an action, copy this file under the action's name and give Plan its
// substance: look at the target (sight, sightAs), refuse with a named reason
// whatever must not be (refuse), and return the absolute values to set as
// Fields, each with the value that must hold before. The write, its guards,
// the marks, the dry run, the receipt and the undo come from the plan.
type notifyOnly struct{}

// Plan is always empty.
func (notifyOnly) Plan(_ context.Context, o Order) (Plan, error) {
	return Plan{Target: o.Target, Note: "Nothing was changed: this one is for a person."}, nil
}
