// Package timeline tells what happened to a remediation, for people: from the
// sealed events that history keeps, one view with what was decided and why,
// what changed, how to undo it, and whether it helped.
//
//	view, err := timeline.Of(entries)
//	for _, line := range view.Timeline {
//		fmt.Println(line.Stage, line.Took, line.Summary)
//	}
package timeline
