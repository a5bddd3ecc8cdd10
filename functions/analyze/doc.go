// Package function is the analyze stage: it turns a classified signal into a
// proposal, which is one action of the catalogue with what speaks for it and
// the rungs to try next if it does not help.
//
// Who selects is an Analyst. The one that ships, rules, works offline: a table
// of rules (rules_*.go) over the alert and the state that enrich observed; the
// first rule that matches gives the ladder. Others, such as language models,
// implement the same interface and may take several turns. Whatever an analyst
// answers is checked against the action catalogue before it is proposed, and
// again by authorize and execute: an analyst selects, it never commands.
//
// When assess finds that an action did not help, the stage climbs to the next
// rung of the same ladder; when the rungs are spent it hands over to a person.
//
//	finding, err := rules{caps}.Analyze(ctx, Case{Signal: signal, Context: observed})
//	proposal, err := propose(finding, 1)
package function
