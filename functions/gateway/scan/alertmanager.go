package scan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"kubernaut.ai/functions/gateway/source"
	"kubernaut.ai/shared/signal"
)

// alertmanagerWithin bounds asking Alertmanager, and maxActive its answer, in bytes.
const (
	alertmanagerWithin = 6 * time.Second
	maxActive          = 16 << 20
)

var errTooLong = errors.New("the answer is too long")

// openAlertmanager makes the scan of firing alerts: of what a webhook
// lost while Kubernaut could not be reached. It looks at one receiver's alerts
// only: whoever routes others elsewhere, or nowhere, does not want them here.
func openAlertmanager(o Options) (Scan, bool, error) {
	if o.Receiver == "" {
		return Scan{}, false, nil
	}
	u, err := url.Parse(o.Alertmanager)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return Scan{}, true, errors.New("setting ALERTMANAGER_URL: it is no http URL; set it, or unset SCAN_ALERTMANAGER")
	}
	u = u.JoinPath("/api/v2/alerts")
	u.RawQuery = url.Values{"active": {"true"}, "silenced": {"false"}, "inhibited": {"false"},
		"receiver": {"^" + regexp.QuoteMeta(o.Receiver) + "$"}}.Encode()
	a := alertmanager{Options: o, url: u.String(), client: &http.Client{Timeout: alertmanagerWithin}}
	return Scan{Name: "alertmanager", Find: a.find}, true, nil
}

type alertmanager struct {
	Options
	url    string
	client *http.Client
}

// find asks what fires. When it ends, Alertmanager says so by its webhook, and
// assess asks where that was lost, too. The heartbeat is left out: that
// Alertmanager has it does not say that it reaches Kubernaut.
func (a alertmanager) find(ctx context.Context) (Found, error) {
	body, err := a.ask(ctx)
	if err != nil {
		return Found{}, err
	}
	b, err := source.Active(body, a.Now())
	if err != nil {
		return Found{}, err
	}
	if b.Truncated > 0 {
		a.Drop(ctx, ReasonCut, fmt.Sprintf("Alertmanager: %d of %d alerts that fire are read", len(b.Items), len(b.Items)+b.Truncated))
	}
	items := b.Items[:0]
	for _, i := range b.Items {
		if i.Ignored == "" && signal.Ignored(i.Alert, "") == "" {
			items = append(items, i)
		}
	}
	return Found{Batches: batches("alertmanager", items)}, nil
}

func (a alertmanager) ask(ctx context.Context) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := a.client.Do(req)
	if err != nil {
		// The error would repeat the URL, which may hold a password.
		var failed *url.Error
		if errors.As(err, &failed) {
			err = failed.Err
		}
		return nil, fmt.Errorf("ask Alertmanager: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxActive+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("ask Alertmanager: %w", err)
	case len(body) > maxActive:
		return nil, fmt.Errorf("ask Alertmanager: %w", errTooLong)
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("ask Alertmanager: %s", resp.Status)
	}
	return body, nil
}
