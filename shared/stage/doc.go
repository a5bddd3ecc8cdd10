// Package stage is the harness around every function: it turns a domain
// function, which takes and returns plain structs, into a Knative function
// that can be trusted with a cluster.
//
// Around each event it does what no stage should have to remember: check the
// seal and that the producer may produce the type, decode, set the turn's
// deadline, consult the inbox, catch panics, build, seal and track the reply,
// map errors to the status codes that a Broker acts on, log, trace, count.
//
// A stage that registers routes with Runtime.Explain can also be asked what it
// would answer, at ExplainPath: nothing is kept or let go. Where answering does
// more than read, as in execute, those routes are not the ones that act. At
// WakePath any stage is woken up ahead of its turn.
//
//	func New() *stage.Function { return stage.New("enrich", open) }
//
//	func open(ctx context.Context, rt *stage.Runtime) (stage.Routes, error) {
//		e, err := connect(rt.Config)
//		if err != nil {
//			return nil, err
//		}
//		return stage.Routes{event.SignalReceived: stage.On(
//			func(ctx context.Context, in stage.Input[event.SignalReceivedData]) (stage.Reply, error) {
//				return stage.Emit(event.SignalEnriched, event.Section{Name: event.SectionContext, Value: e.enrich(ctx, in.Data)}), nil
//			})}, nil
//	}
package stage
