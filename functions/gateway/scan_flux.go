package function

import (
	"context"
	"encoding/json"
	"fmt"

	"kubernaut.ai/functions/gateway/source"
	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/stage"
)

const scannedFluxPath = "/api/v1/signals/flux"

// fluxKinds are the kinds that apply something to the cluster.
var fluxKinds = []string{"Kustomization.kustomize.toolkit.fluxcd.io", "HelmRelease.helm.toolkit.fluxcd.io"}

// fluxBusy are reasons of an object that is at work and has not failed.
var fluxBusy = map[string]bool{"Progressing": true, "ProgressingWithRetry": true, "DependencyNotReady": true}

// openFluxScan makes the scan of unready Flux objects: Flux gives up telling
// after 15 seconds.
func openFluxScan(s scanning) (scan, bool, error) {
	if !s.config.Bool(EnvScanFlux, false) {
		return scan{}, false, nil
	}
	reads, err := s.sourceAt(scannedFluxPath, EnvScanFlux)
	f := fluxScan{scanning: s, reads: reads}
	return scan{name: "flux", find: f.find}, true, err
}

type fluxScan struct {
	scanning
	reads source.Source
}

// find reads what is not ready, as notification-controller would have posted
// it. What is not found any more counts as ended after a while.
func (f fluxScan) find(ctx context.Context) ([]source.Batch, func(context.Context) error, error) {
	var items []source.Item
	for _, kind := range fluxKinds {
		unready, err := f.clients.Unready(ctx, kind)
		if err != nil {
			return nil, nil, err
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
		items[i].Alert.Expires = f.now().Add(scannedFor)
	}
	return found(f.reads.Name(), items), nil, nil
}

func (f fluxScan) read(u cluster.Unready) (source.Batch, error) {
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
