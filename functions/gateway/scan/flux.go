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

// openFlux makes the scan of unready Flux objects: Flux gives up telling after
// 15 seconds.
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

// find reads what is not ready, as notification-controller would have posted
// it. What is not found any more counts as ended after a while.
func (f flux) find(ctx context.Context) (Found, error) {
	var items []source.Item
	for _, kind := range fluxKinds {
		unready, err := f.Cluster.Unready(ctx, kind)
		if err != nil {
			return Found{}, err
		}
		for _, u := range unready {
			if fluxBusy[u.Reason] {
				continue
			}
			b, err := f.read(u)
			if err != nil {
				stage.Logger(ctx).Warnw("Flux object not read", "kind", u.Kind, "object", u.Namespace+"/"+u.Name, "error", err)
				continue
			}
			items = append(items, b.Items...)
		}
	}
	for i := range items {
		items[i].Alert.Expires = f.Now().Add(scannedFor)
	}
	return Found{Batches: batches(f.reads.Name(), items)}, nil
}

func (f flux) read(u cluster.Unready) (source.Batch, error) {
	body, err := json.Marshal(map[string]any{
		"involvedObject": map[string]string{"apiVersion": u.APIVersion, "kind": u.Kind, "namespace": u.Namespace, "name": u.Name},
		"severity":       "error", "timestamp": u.Since, "reason": u.Reason, "message": u.Message,
		"reportingController": "kubernaut",
	})
	if err != nil {
		return source.Batch{}, fmt.Errorf("encode event: %w", err)
	}
	return f.reads.Read(f.posting(body))
}
