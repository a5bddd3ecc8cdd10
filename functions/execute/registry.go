package function

import (
	"k8s.io/apimachinery/pkg/api/resource"

	"kubernaut.ai/functions/execute/reading"
	"kubernaut.ai/shared/action"
)

// Caps bound what actions may set, whatever was decided.
type Caps struct {
	// Replicas bounds what scaling sets.
	Replicas int
	// Autoscaler bounds an HPA's maximum.
	Autoscaler int
	// Memory and CPU bound one container's requests and limits.
	Memory, CPU resource.Quantity
}

// registry knows the code behind every action of the catalogue. A new action
// is one file, named for it, one line here, and its entry in the catalogue;
// notify_only.go is the one to copy.
func registry(kube reading.Client, caps Caps) map[string]Performer {
	return map[string]Performer{
		action.ScaleDeployment:    scaleDeployment{kube, caps},
		action.ScaleStatefulSet:   scaleStatefulSet{kube, caps},
		action.IncreaseResources:  increaseResources{kube, caps},
		action.UpdateHPA:          updateHPA{kube, caps},
		action.RestartPod:         restartPod{kube},
		action.RollbackDeployment: rollbackDeployment{kube},
		action.CordonNode:         cordonNode{kube},
		action.CollectDiagnostics: collectDiagnostics{kube},
		action.NotifyOnly:         notifyOnly{},
	}
}
