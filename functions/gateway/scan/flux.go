package scan

import (
	"context"
	"encoding/json"
	"fmt"

	"kubernaut.ai/functions/gateway/source"
	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/stage"
)

const fluxPath = "/api/v1/signals/flux"

// fluxKinds are the kinds that apply something to the cluster.
var fluxKinds = []string{"Kustomization.kustomize.toolkit.fluxcd.io", "HelmRelease.helm.toolkit.fluxcd.io"}

// fluxBusy are reasons of an object that is at work and has not failed.
var fluxBusy = map[string]bool{"Progressing": true, "ProgressingWithRetry": true, "DependencyNotReady": true}

// openFlux makes the scan of what Flux objects say of themselves: Flux gives up
// telling after 15 seconds.
func openFlux(o Options) (Scan, bool, error) {
	if !o.Flux {
		return Scan{}, false, nil
	}
	reads, err := o.sourceAt(fluxPath, "SCAN_FLUX")
	f := flux{Options: o, reads: reads}
	return Scan{Name: "flux", Find: f.find}, true, err
}

type flux struct {
	Options
	reads source.Source
}

// find reads what is not ready, and what is again, as notification-controller
// would have posted it. What is neither, or at work between two tries, goes on
// as it was.
func (f flux) find(ctx context.Context) (Found, error) {
	var failed, well []source.Item
	for _, kind := range fluxKinds {
		found, more, err := f.Cluster.Readiness(ctx, kind)
		if err != nil {
			return Found{}, err
		}
		if more {
			f.Drop(ctx, ReasonCut, fmt.Sprintf("%s: only the first %d objects that say how they are were looked at", kind, len(found)))
		}
		for _, r := range found {
			switch items := f.items(ctx, r); {
			case r.Ready:
				well = append(well, items...)
			case !fluxBusy[r.Reason]:
				failed = append(failed, items...)
			}
		}
	}
	recovered, err := f.recovered(ctx, well)
	if err != nil {
		return Found{}, err
	}
	return Found{Batches: batches(f.reads.Name(), append(failed, recovered...))}, nil
}

// recovered are those that were known to fail: most were well all the time.
func (f flux) recovered(ctx context.Context, well []source.Item) ([]source.Item, error) {
	ids := make([]string, len(well))
	for i := range well {
		ids[i] = well[i].Alert.ID
	}
	failing, err := f.Failures.Failing(ctx, ids)
	if err != nil {
		return nil, err
	}
	var out []source.Item
	for i := range well {
		if failing[i] && well[i].Ignored == "" {
			out = append(out, well[i])
		}
	}
	return out, nil
}

// items are what the source reads of an object's word on itself.
func (f flux) items(ctx context.Context, r cluster.Readiness) []source.Item {
	b, err := f.read(r)
	if err != nil {
		stage.Logger(ctx).Warnw("Flux object not read", "kind", r.Kind, "object", r.Namespace+"/"+r.Name, "error", err)
		return nil
	}
	for i := range b.Items {
		b.Items[i].Telling = source.Stands
	}
	return b.Items
}

func (f flux) read(r cluster.Readiness) (source.Batch, error) {
	severity := "error"
	if r.Ready {
		severity = "info"
	}
	body, err := json.Marshal(map[string]any{
		"involvedObject": map[string]string{"apiVersion": r.APIVersion, "kind": r.Kind, "namespace": r.Namespace, "name": r.Name},
		"severity":       severity, "timestamp": r.Since, "reason": r.Reason, "message": r.Message,
		"reportingController": "kubernaut",
	})
	if err != nil {
		return source.Batch{}, fmt.Errorf("encode event: %w", err)
	}
	return f.reads.Read(f.posting(body))
}
