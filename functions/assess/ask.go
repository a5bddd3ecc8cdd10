package function

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxAnswer bounds what is read of an answer of Alertmanager or Prometheus.
const maxAnswer = 8 << 20

// errTooLong says that an answer exceeds its bound: a part of it would mislead.
var errTooLong = errors.New("the answer is too long")

// service is an HTTP API that answers in JSON.
type service struct {
	base   *url.URL
	client *http.Client
}

// serviceAt checks the URL of a setting; nil for none.
func serviceAt(setting, address string) (*service, error) {
	if address == "" {
		return nil, nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("setting %s: %q is no http URL", setting, address)
	}
	return &service{base: u, client: &http.Client{Timeout: lookWithin}}, nil
}

func (s *service) get(ctx context.Context, path string, query url.Values, into any) error {
	u := s.base.JoinPath(path)
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return err
	}
	resp, err := s.client.Do(req)
	if err != nil {
		// The error would repeat the URL, which may hold a password.
		var failed *url.Error
		if errors.As(err, &failed) {
			err = failed.Err
		}
		return fmt.Errorf("ask %s: %w", path, err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return fmt.Errorf("ask %s: %w", path, err)
	case len(body) > maxAnswer:
		return fmt.Errorf("ask %s: %w", path, errTooLong)
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("ask %s: %s", path, resp.Status)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("ask %s: decode answer: %w", path, err)
	}
	return nil
}

// alertmanager knows which alerts are active.
type alertmanager struct{ *service }

// Active counts those of the alerts that Alertmanager has, silenced and
// inhibited ones too: nobody is told of them, but they fire.
func (a alertmanager) Active(ctx context.Context, ids []string) (int, error) {
	var alerts []struct {
		Fingerprint string `json:"fingerprint"`
	}
	if err := a.get(ctx, "/api/v2/alerts", url.Values{"active": {"true"}, "silenced": {"true"}, "inhibited": {"true"}}, &alerts); err != nil {
		return 0, err
	}
	active := 0
	for _, alert := range alerts {
		if slices.Contains(ids, alert.Fingerprint) {
			active++
		}
	}
	return active, nil
}

// prometheus measures.
type prometheus struct{ *service }

// Bounds of a measurement.
const (
	// minRange is the least that increase() sees two samples in.
	minRange = 2 * time.Minute
	maxRange = 24 * time.Hour
	// maxMeasuredPods bounds the length of the query.
	maxMeasuredPods = 100
)

// Measure asks about the target's own pods and nothing else of its namespace:
// the noise of neighbours decides nothing.
func (p prometheus) Measure(ctx context.Context, m Measurement) Finding {
	query, judge := m.query()
	if query == "" {
		return Finding{Detail: "nothing to measure"}
	}
	value, err := p.instant(ctx, query)
	if err != nil {
		return Finding{Detail: err.Error()}
	}
	return judge(value)
}

func (m Measurement) query() (string, func(float64) Finding) {
	if m.Target.Kind == "Node" {
		return fmt.Sprintf(`min(kube_node_status_condition{node=%s,condition="Ready",status="true"})`, quote(m.Target.Name)), ofReadiness
	}
	if len(m.Pods) == 0 || m.Target.Namespace == "" {
		return "", nil
	}
	names := make([]string, 0, maxMeasuredPods)
	for _, name := range m.Pods[:min(len(m.Pods), maxMeasuredPods)] {
		names = append(names, regexp.QuoteMeta(name))
	}
	over := min(max(m.Over, minRange), maxRange).Round(time.Second)
	return fmt.Sprintf(`sum(increase(kube_pod_container_status_restarts_total{namespace=%s,pod=~%s}[%ds]))`,
		quote(m.Target.Namespace), quote(strings.Join(names, "|")), int(over.Seconds())), ofRestarts
}

// quote writes a string as PromQL does.
func quote(s string) string { return strconv.Quote(s) }

func ofReadiness(ready float64) Finding {
	if ready >= 1 {
		return Finding{Known: true, Score: 1, Detail: "the node is ready"}
	}
	return Finding{Known: true, Detail: "the node is not ready"}
}

// oneRestart is what increase() makes of one restart at the least: it
// extrapolates.
const oneRestart = 0.5

func ofRestarts(n float64) Finding {
	if n < oneRestart {
		return Finding{Known: true, Score: 1, Detail: "no container restarted"}
	}
	return Finding{Known: true, Detail: fmt.Sprintf("containers restarted %.0f times", math.Max(1, math.Round(n)))}
}

// errNoData says that Prometheus has no such series.
var errNoData = errors.New("no data")

func (p prometheus) instant(ctx context.Context, query string) (float64, error) {
	var answer struct {
		Status string `json:"status"`
		Error  string `json:"error"`
		Data   struct {
			Result []struct {
				Value [2]any `json:"value"`
			} `json:"result"`
		} `json:"data"`
	}
	if err := p.get(ctx, "/api/v1/query", url.Values{"query": {query}}, &answer); err != nil {
		return 0, err
	}
	if answer.Status != "success" {
		return 0, fmt.Errorf("prometheus: %s", answer.Error)
	}
	if len(answer.Data.Result) != 1 {
		return 0, errNoData
	}
	text, _ := answer.Data.Result[0].Value[1].(string)
	value, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(value) || math.IsInf(value, 0) {
		return 0, errNoData
	}
	return value, nil
}
