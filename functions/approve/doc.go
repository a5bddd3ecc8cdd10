// Package function is the approve stage: the HTTP door through which a person
// answers a held proposal, asks for an applied action to be taken back, or
// pauses everything.
//
//	POST /api/v1/remediations/{id}/approve   {"comment", "proposal"}
//	POST /api/v1/remediations/{id}/refuse    {"comment", "proposal"}
//	POST /api/v1/remediations/{id}/undo      {"reason"}
//	GET  /api/v1/remediations/{id}/held      what would be approved
//	POST /api/v1/pause                       {"reason"}
//	POST /api/v1/resume
//	GET  /api/v1/pause
//
// Who the person is, the cluster says: a bearer token is reviewed, and a
// SubjectAccessReview must allow the verb (approve, undo, get, pause) on
// remediations.kubernaut.ai in the namespace of the action's target. An
// answer that cannot be had is a no. On one's own machine, APPROVE_AUTH=local
// takes whoever comes over the loopback interface for the user that APPROVER,
// or the operating system, names.
//
// An answer is sealed and recorded before it is published, the first one
// counts, and every repetition publishes the same event again: pressing twice
// does nothing twice, and a crash between any two steps is healed by pressing
// again, or by the due list.
//
//	curl -X POST -H "Authorization: Bearer $(kubectl create token jane)" \
//		https://approve.example/api/v1/remediations/5f0c-1/approve -d '{"comment":"go"}'
package function
