package function

import (
	"fmt"
	"strings"

	"kubernaut.ai/shared/event"
)

// nodeRules are for alerts about nodes.
var nodeRules = []rule{
	{
		name: "node is not ready", alerts: []string{"KubeNodeNotReady", "KubeNodeUnreachable", "NodeNotReady"}, needs: []string{partNode},
		when: nodeDown, because: "The node is not ready",
		ladder: []rung{cordon, notify}, confidence: 0.85,
	},
	{
		name: "node comes and goes", alerts: []string{"KubeNodeReadinessFlapping"}, needs: []string{partNode},
		when: nodeSeen, because: "The node changes between ready and not ready",
		ladder: []rung{cordon, notify}, confidence: 0.8,
	},
	{
		name:   "node runs out of disk",
		alerts: []string{"NodeFilesystemSpaceFillingUp", "NodeFilesystemAlmostOutOfSpace", "NodeFilesystemFilesFillingUp", "NodeFilesystemAlmostOutOfFiles"},
		needs:  []string{partNode}, when: nodeSeen, because: "A file system of the node runs full, and new pods would fill it further",
		ladder: []rung{cordon, notify}, confidence: 0.7,
	},
	{
		name: "node is busy", alerts: []string{"NodeMemoryHighUtilization", "NodeCPUHighUsage"}, when: nodeSeen,
		because: "The node is busy; which of its workloads should go elsewhere, a person must say",
		ladder:  []rung{diagnose, notify}, confidence: 0.6,
	},
	{
		name:   "node has recovered, or cannot be cordoned",
		alerts: []string{"KubeNodeNotReady", "KubeNodeUnreachable", "KubeNodeReadinessFlapping", "NodeNotReady"},
		when:   nodeSeen, because: "The node is ready, cordoned already, or the last that can take pods",
		ladder: []rung{diagnose, notify}, confidence: 0.6,
	},
}

// nodeDown matches a node that is seen not to be ready, or is not seen.
func nodeDown(f facts) (observation, bool) {
	if n := f.Context.Node; n != nil && n.Ready {
		return observation{}, false
	}
	return nodeSeen(f)
}

func nodeSeen(f facts) (observation, bool) {
	n := f.Context.Node
	if n == nil {
		return observation{}, true
	}
	var parts []string
	for _, c := range n.Conditions {
		if (c.Type == "Ready") != (c.Status == "True") {
			parts = append(parts, fmt.Sprintf("%s=%s (%s)", c.Type, c.Status, c.Reason))
		}
	}
	detail := fmt.Sprintf("node %s: ready %t, unschedulable %t, %d other nodes can take pods", n.Name, n.Ready, n.Unschedulable, n.OtherSchedulable)
	if len(parts) > 0 {
		detail += ": " + strings.Join(parts, ", ")
	}
	return observation{evidence: []event.Evidence{{Source: partNode, Detail: detail}}}, true
}
