// Package policy answers questions by Rego. It is the only place that knows
// Open Policy Agent: it loads, compiles, evaluates and reloads, and it fails
// closed at each of these.
//
// A policy is the stage's embedded default, or the user's, from a directory
// such as a mounted ConfigMap:
//
//   - If the directory holds any *.rego file, the user's modules replace all of
//     the default's. There is no mixing: who reads the directory has read all
//     of the rules.
//   - Its *.json, *.yaml and *.yml files are data documents, each merged over
//     the default's data and the files before it by name, as a JSON merge patch
//     (RFC 7396): objects key by key at every depth, lists as a whole, and null
//     takes a key away. So a threshold can be changed without touching any
//     Rego, and a file that names one of them leaves the others as they are.
//   - With the default's rules, a top-level key that the default's data does
//     not have is refused: it would have no effect. What the rule Faults lists
//     is refused too, such as a misspelt threshold.
//   - With the user's rules, the default's data stays under the user's, so that
//     a copy of the default's Rego finds all that it reads. Rules that want a
//     table to themselves give it a name of their own. Other keys are welcome,
//     and only a Faults rule among the user's own modules checks them.
//   - An empty directory is the default; a directory that is not there is an
//     error, because somebody believes that their policy is in force.
//
// The directory is looked at when a decision is asked for, at most once in
// CheckEvery: a function that is scaled to zero has no background loops. A new
// policy that is broken leaves the last good one in force, is logged once, and
// shows in Status. At Open there is no last good one, so a broken policy is an
// error there. Content that changes while it is read is not used: it might be
// old rules with new data.
//
// A policy sees its input, its data and the engine's clock. What reaches out
// (http.send, net.lookup_ip_addr, opa.runtime) or draws random numbers is not
// there, because a decision must come out the same when it is taken again. A
// built-in that fails is an error and not an undefined value: a deny rule that
// silently did not apply would be an approval.
//
//	engine, err := policy.Open(policy.Options{Name: "classify", Embedded: files,
//		Dir: "/etc/kubernaut/policy", Query: "data.kubernaut.classify.decision", Now: time.Now})
//	var out decision
//	digest, err := engine.Decide(ctx, map[string]any{"signal": signal}, &out)
package policy
