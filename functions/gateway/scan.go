package function

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"kubernaut.ai/functions/gateway/source"
	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/stage"
)

const (
	// scanSuffix ends the source of what a scan found. No sender's source is
	// called so.
	scanSuffix = "-scan"
	// scannedFor is how long what a scan found failing counts as failing unless
	// it is found again, where nobody is sure to say that it recovered: three
	// rounds.
	scannedFor = 15 * time.Minute
)

// ReasonScanCut is of what one round found beyond its bound.
const ReasonScanCut = "scan_cut"

// scanned tells that no sender posted the alert.
func (w *work) scanned() bool { return strings.HasSuffix(w.source, scanSuffix) }

// scanning is what scans are made of.
type scanning struct {
	config  *stage.Config
	clients *cluster.Clients
	marks   *ledger.Ledger
	sources []source.Source
	now     func() time.Time
	drop    func(ctx context.Context, reason, detail string)
}

// openScans makes the scans that are configured, each in its own file.
func openScans(s scanning) ([]scan, error) {
	var out []scan
	var errs []error
	for _, open := range []func(scanning) (scan, bool, error){openEventScan, openFluxScan, openAlertmanagerScan} {
		one, on, err := open(s)
		if on && err == nil {
			out = append(out, one)
		}
		errs = append(errs, err)
	}
	return out, errors.Join(errs...)
}

// sourceAt is the source that reads what is posted to a path, for a scan that
// the setting turned on.
func (s scanning) sourceAt(path, setting string) (source.Source, error) {
	for _, one := range s.sources {
		if slices.Contains(one.Paths(), path) {
			return one, nil
		}
	}
	return nil, fmt.Errorf("setting %s: this gateway has no source at %s that could read what is found; unset it", setting, path)
}

// posting is the request in which a sender would have posted the body.
func (s scanning) posting(body []byte) source.Request {
	return source.Request{Header: http.Header{}, PathValue: func(string) string { return "" }, Body: body, Now: s.now()}
}

// found is a scan's batch of what one source read.
func found(by string, items []source.Item) []source.Batch {
	var out []source.Batch
	for chunk := range slices.Chunk(items, source.MaxAlerts) {
		out = append(out, source.Batch{Source: by + scanSuffix, Items: chunk})
	}
	return out
}
