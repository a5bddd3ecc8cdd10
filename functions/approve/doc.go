// Package function is the approve stage: the HTTP door through which a person
// reads what happened, answers a held proposal, asks for an applied action to be
// taken back, or pauses everything.
//
//	GET  /api/v1/remediations                what there is, the newest first
//	GET  /api/v1/remediations/{id}           what happened to one
//	POST /api/v1/remediations/{id}/approve   {"comment", "proposal"}
//	POST /api/v1/remediations/{id}/refuse    {"comment", "proposal"}
//	POST /api/v1/remediations/{id}/undo      {"reason", "step"}
//	GET  /api/v1/remediations/{id}/held      what would be approved
//	POST /api/v1/pause                       {"reason"}
//	POST /api/v1/resume
//	GET  /api/v1/pause
//	GET  /api/v1/deadletters                 what was not delivered, the newest first
//	POST /api/v1/deadletters/redrive         {"comment"}; type, destination, remediation
//
// Who the person is, the cluster says: a bearer token is reviewed, and a
// SubjectAccessReview must allow the verb (approve, undo, get, list, pause, redrive) on
// remediations.kubernaut.ai in the namespace of the action's target; in the
// whole cluster where that has none. Reading takes it in every namespace that a
// remediation is about, and a list has those namespaces only in which the person
// may list. Pausing, dead letters and redriving take the verb in the whole cluster.
// An answer that cannot be had is a no. On one's own machine, APPROVE_AUTH=local
// takes whoever comes over the loopback interface for the user that APPROVER,
// or the operating system, names.
//
// History is only read, a page at a time: where there is more, an answer says
// "continue", which the next request repeats as a parameter. The list is
// narrowed by namespace, kind, name, alert, action, outcome, phase and live, and
// has limit (50, at most 200) to a page.
//
// An answer is sealed and recorded before it is published, the first one
// counts, and every repetition publishes the same event again: pressing twice
// does nothing twice, and a crash between any two steps is healed by pressing
// again, or by the due list. That sends it again, too, if authorize, to whom the
// Broker should bring it, does not take it off within a minute.
//
// An undo takes back the last step whose change stands and can be taken back,
// whatever came after it. Once one was, an earlier one has to be named.
//
//	curl -X POST -H "Authorization: Bearer $(kubectl create token jane)" \
//		https://approve.example/api/v1/remediations/5f0c-1/approve -d '{"comment":"go"}'
package function
