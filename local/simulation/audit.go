package simulation

import (
	"sync"
	"time"
)

// AppliedAnnotation is what Kubernaut's execute stage sets with its write; the audit log shows the resulting value.
const AppliedAnnotation = "kubernaut.ai/applied"

// maxAudit bounds the log; the oldest entries go first.
const maxAudit = 100_000

// Mutation is one accepted mutating request of a client, as seen by the server. Controllers' own writes are not listed.
type Mutation struct {
	Request
	Applied         string    // the object's AppliedAnnotation after the request
	ResourceVersion string    // of the object after the request
	UID             string    // of the object
	At              time.Time // by Options.Now
}

type audit struct {
	mu      sync.Mutex
	entries []Mutation
	dryRuns []Mutation
}

func newAudit() *audit { return &audit{} }

func (a *audit) add(c *call, result *item, changed bool, at time.Time) {
	if !changed && !c.DryRun {
		return
	}
	entry := Mutation{
		Request: c.Request, Applied: result.meta.GetAnnotations()[AppliedAnnotation],
		ResourceVersion: result.meta.GetResourceVersion(), UID: string(result.meta.GetUID()), At: at,
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	target := &a.entries
	if c.DryRun {
		target = &a.dryRuns
	}
	*target = append(*target, entry)
	if len(*target) > maxAudit {
		*target = append([]Mutation(nil), (*target)[len(*target)-maxAudit/2:]...)
	}
}

// Mutations returns every client request that really changed something, oldest first: what a test counts to say "applied once".
// A write that changes nothing and a dry run are not among them.
func (c *Cluster) Mutations() []Mutation {
	c.audit.mu.Lock()
	defer c.audit.mu.Unlock()
	return append([]Mutation(nil), c.audit.entries...)
}

// DryRuns returns every accepted mutating request that was a dry run, oldest first.
func (c *Cluster) DryRuns() []Mutation {
	c.audit.mu.Lock()
	defer c.audit.mu.Unlock()
	return append([]Mutation(nil), c.audit.dryRuns...)
}
