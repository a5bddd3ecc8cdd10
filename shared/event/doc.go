// Package event owns the event catalogue: every CloudEvent type that Kubernaut
// publishes, who may produce it, what its data means in Go, its attributes and
// id, how its data grows from stage to stage, and the seal that proves who
// wrote it.
//
// An event's data is one flat JSON document that grows: signal, context,
// classification, proposal, decision, execution, assessment. A stage sets the
// sections that it owns on the Document it was given; every other section,
// those of stages that this code has never heard of included, passes through
// byte for byte. A name that differs from another section's in upper and lower case
// only is refused. A document that outgrows MaxEventSize is cut where nothing rests
// on it, and says so.
//
//	doc, err := event.ParseDocument(parent.Data())
//	doc, err = doc.With(event.Section{Name: event.SectionContext, Value: context})
//	next, err := event.New(event.Draft{Type: event.SignalEnriched, Stage: "enrich",
//		Parent: &parent, Document: doc, Now: now})
//	err = key.Seal(&next)
package event
