package function

import (
	"time"

	"kubernaut.ai/shared/event"
)

// input is what a policy sees, under the names that the event's data has. It
// is built by hand and not from JSON for speed, and because it is a contract
// with people's policies: what is here stays.
//
//	signal   name source severity senderSeverity container generatorURL
//	         startsAt labels annotations target resource
//	context  labels namespaceLabels owners gitOps workload unavailable
//
// Texts are empty and lists are empty where there is nothing, so that a policy
// needs no guard against absent keys; gitOps and workload are null then.
// unavailable lists the names of the parts that could not be read.
func input(in event.SignalEnrichedData) map[string]any {
	s, c := in.Signal, in.Context
	return map[string]any{
		"signal": map[string]any{
			"name": s.Name, "source": s.Source, "severity": s.Severity, "senderSeverity": s.SenderSeverity,
			"container": s.Container, "generatorURL": s.GeneratorURL, "startsAt": s.StartsAt.UTC().Format(time.RFC3339),
			"labels": orEmpty(s.Labels), "annotations": orEmpty(s.Annotations),
			"target": target(s.Target), "resource": target(s.Resource),
		},
		"context": map[string]any{
			"labels": orEmpty(c.Labels), "namespaceLabels": orEmpty(c.NamespaceLabels),
			"owners": targets(c.Owners), "gitOps": gitOps(c.GitOps), "workload": workload(c.Workload),
			"unavailable": parts(c.Unavailable),
		},
	}
}

func target(t event.Target) map[string]any {
	return map[string]any{"apiVersion": t.APIVersion, "kind": t.Kind, "namespace": t.Namespace, "name": t.Name, "uid": t.UID}
}

func targets(list []event.Target) []any {
	out := make([]any, len(list))
	for i, t := range list {
		out[i] = target(t)
	}
	return out
}

func gitOps(g *event.GitOps) any {
	if g == nil {
		return nil
	}
	return map[string]any{"tool": g.Tool, "name": g.Name}
}

func workload(w *event.Workload) any {
	if w == nil {
		return nil
	}
	return map[string]any{"desired": int64(w.Desired), "ready": int64(w.Ready), "updated": int64(w.Updated),
		"available": int64(w.Available), "paused": w.Paused}
}

func parts(list []event.Unavailable) []string {
	out := make([]string, len(list))
	for i, u := range list {
		out[i] = u.Part
	}
	return out
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}
