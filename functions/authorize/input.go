package function

import (
	"kubernaut.ai/shared/action"
	"kubernaut.ai/shared/event"
)

// policyInput is what the policy sees. It is part of the contract with users'
// policies: fields are added, never taken away. What is not known is null.
// Labels were written by whoever may write them: conveniences, not proofs.
func policyInput(r Request, entry action.Action, dryRun bool) map[string]any {
	p, c := r.Proposal, r.Classification
	return map[string]any{
		"proposal": map[string]any{
			"action": p.Action, "target": targetInput(p.Target), "parameters": anyMap(p.Parameters),
			"step": p.Step, "analyst": p.Analyst, "confidence": p.Confidence,
		},
		"action": map[string]any{
			"risk": string(entry.Risk), "reversible": entry.Reversible,
			"changesSpec": entry.ChangesSpec, "changesCluster": entry.ChangesCluster,
		},
		"classification": map[string]any{
			"severity": c.Severity, "priority": c.Priority, "environment": c.Environment, "signalMode": c.SignalMode,
		},
		"signal": map[string]any{
			"name": r.Signal.Name, "source": r.Signal.Source, "severity": r.Signal.Severity,
			"target": targetInput(r.Signal.Target), "labels": stringMap(r.Signal.Labels),
		},
		"context":  contextInput(r.Context),
		"attempts": len(r.Attempts),
		"dryRun":   dryRun,
	}
}

func contextInput(c event.Context) map[string]any {
	in := map[string]any{
		"target": targetInput(c.Target), "labels": stringMap(c.Labels), "namespaceLabels": stringMap(c.NamespaceLabels),
		"gitops": nil, "workload": nil, "node": nil, "autoscaler": nil,
	}
	unavailable := make([]any, len(c.Unavailable))
	for i, u := range c.Unavailable {
		unavailable[i] = u.Part
	}
	in["unavailable"] = unavailable
	if g := c.GitOps; g != nil {
		in["gitops"] = map[string]any{"tool": g.Tool, "name": g.Name}
	}
	if w := c.Workload; w != nil {
		in["workload"] = map[string]any{"desired": w.Desired, "ready": w.Ready, "paused": w.Paused}
	}
	if n := c.Node; n != nil {
		node := map[string]any{"name": n.Name, "ready": n.Ready, "unschedulable": n.Unschedulable, "otherSchedulable": nil}
		// Of a pod's node they are not counted.
		if c.Target.Kind == "Node" {
			node["otherSchedulable"] = n.OtherSchedulable
		}
		in["node"] = node
	}
	if a := c.Autoscaler; a != nil {
		in["autoscaler"] = map[string]any{"name": a.Name, "min": a.Min, "max": a.Max}
	}
	return in
}

func targetInput(t event.Target) map[string]any {
	return map[string]any{"apiVersion": t.APIVersion, "kind": t.Kind, "namespace": t.Namespace, "name": t.Name}
}

func stringMap(m map[string]string) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}

func anyMap(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}
