// Command reach lets somebody who has kubectl read and answer remediations of a
// cluster: it serves the approve function on this machine until it is told to
// end. Functions are not public, and at zero there is no pod to forward to, so
// it forwards to what Knative's ingress is in that cluster and asks there for
// approve by its name, which wakes it up:
//
//	reach --listen 127.0.0.1:8081
//	curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8081/api/v1/remediations
//
// It adds no credential: who asks sends a token of their own, and approve has
// the cluster say who that is and what they may.
package main
