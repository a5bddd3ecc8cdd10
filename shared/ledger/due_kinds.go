package ledger

import (
	"strconv"
	"time"
)

// Kinds of due items that one stage makes and another takes off or works off.
const (
	// KindWatch is that of the item that watches over a live claim.
	KindWatch = "watch"
	// KindApproval is that of the item that expires a hold; its payload is the
	// sealed event that says what is held.
	KindApproval = "approval"
	// KindPark is that of items whose payload, a sealed event, is published as it is
	// when they are due: unless the stage that takes the event, and so has it, takes
	// them off before.
	KindPark = "park"
)

// AnswerRetention is how long the first answer to a hold is remembered: longer
// than anything may still be delivered.
const AnswerRetention = 7 * 24 * time.Hour

// WatchID is the id of the watch item of a remediation. It is the remediation's
// and not the workload's, so that a late report on one that ended can never
// displace the watch of the one that came after it. A crash can leave a watch
// behind its remediation: whoever leases one reads the claim first, and completes
// the item when the claim is settled or another remediation's.
func WatchID(remediationID string) string { return KindWatch + "/" + remediationID }

// ApprovalID is the id of the item of a held step.
func ApprovalID(remediationID string, step int) string {
	return KindApproval + "/" + remediationID + "/" + strconv.Itoa(step)
}

// ParkID is the id of the item of a parked event, by the event's own.
func ParkID(event string) string { return KindPark + "/" + event }
