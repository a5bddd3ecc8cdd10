package replay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/kubernetes"

	"kubernaut.ai/local/system"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/history"
	"kubernaut.ai/shared/timeline"
)

// Bounds of a story.
const (
	faultWithin  = 30 * time.Second
	pollEvery    = 25 * time.Millisecond
	answerMax    = 1 << 20
	postTimeout  = 30 * time.Second
	storyTimeout = 2 * time.Minute
	// wholeWithin is how long the rest of an ended story may take to reach
	// history.
	wholeWithin = 5 * time.Second
)

// Result is how a story went.
type Result struct {
	Story Story
	// Remediations are the views of all that the story opened; a good story
	// opens one, or none.
	Remediations []timeline.View
	// Expected is the outcome that the remediation should have, or the reason
	// for which there should be none.
	Expected string
	// Reason is the named reason for which there was no remediation.
	Reason string
	// Statuses counts the gateway's answers by HTTP status.
	Statuses map[int]int
	// Wrong says how it differed from what was expected; empty if it did not.
	Wrong string
}

// Runner runs stories on a system with a simulated cluster.
type Runner struct {
	System *system.System
	Client *http.Client
	Now    func() time.Time
	// DryRun: the system changes nothing, so a remediation that would act ends
	// as a dry run.
	DryRun bool
	// Held is told of a remediation that waits for an answer.
	Held func(Story, timeline.View)
}

// Run tells one story from fault to end. An error means that it could not be
// told; a story that ended badly is a Result with Wrong set.
func (r Runner) Run(ctx context.Context, s Story) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, storyTimeout)
	defer cancel()
	result := Result{Story: s, Expected: s.Expect, Statuses: map[int]int{}}
	kube, err := kubernetes.NewForConfig(r.System.Cluster().RESTConfig())
	if err != nil {
		return result, fmt.Errorf("connect to the simulation: %w", err)
	}
	pod, err := r.breakIt(ctx, kube, s)
	if err != nil {
		return result, fmt.Errorf("story %s: %w", s.Name, err)
	}
	rename := renamer{pod: [2]string{s.Pod, pod}, startsAt: r.Now()}
	answers, err := r.post(ctx, s, rename)
	if err != nil {
		return result, fmt.Errorf("story %s: %w", s.Name, err)
	}
	ids := result.read(answers)
	healed := make(chan struct{})
	if s.Broken != nil && s.Resolved != nil {
		go func() {
			defer close(healed)
			r.resolve(ctx, kube, s, rename)
		}()
	} else {
		close(healed)
	}
	for _, id := range ids {
		view, err := r.follow(ctx, s, id)
		if err != nil {
			return result, fmt.Errorf("story %s: %w", s.Name, err)
		}
		result.Remediations = append(result.Remediations, view)
	}
	cancel()
	<-healed
	if r.DryRun {
		result.expectDryRun()
	}
	result.judge()
	return result, nil
}

// breakIt loads the sample's objects and waits until the fault is there.
func (r Runner) breakIt(ctx context.Context, kube kubernetes.Interface, s Story) (string, error) {
	if s.Objects != "" {
		if err := r.System.Cluster().LoadPath(s.Objects); err != nil {
			return "", err
		}
	}
	for _, t := range s.Ready {
		if err := until(ctx, faultWithin, func() (bool, error) { a, err := alerting(ctx, kube, t); return !a, err }); err != nil {
			return "", fmt.Errorf("wait for %s to be healthy: %w", t, err)
		}
	}
	if s.Rollout != "" {
		if err := r.System.Cluster().LoadPath(s.Rollout); err != nil {
			return "", err
		}
	}
	if s.Broken == nil {
		return "", nil
	}
	if err := until(ctx, faultWithin, func() (bool, error) { return alerting(ctx, kube, *s.Broken) }); err != nil {
		return "", fmt.Errorf("wait for %s to break: %w", *s.Broken, err)
	}
	if s.Pod == "" {
		return "", nil
	}
	var pod string
	err := until(ctx, faultWithin, func() (ok bool, err error) {
		pod, err = unhealthyPod(ctx, kube, *s.Broken)
		return pod != "", err
	})
	return pod, err
}

// resolve posts the resolved body once the fault is gone, as Prometheus and
// Alertmanager would.
func (r Runner) resolve(ctx context.Context, kube kubernetes.Interface, s Story, rename renamer) {
	err := until(ctx, storyTimeout, func() (bool, error) { a, err := alerting(ctx, kube, *s.Broken); return !a, err })
	if err != nil {
		return // it never healed: the alert goes on
	}
	rename.endsAt = r.Now()
	_, _ = r.send(ctx, rename.body(s.Resolved)) // a resolve that is lost is weak evidence missing, nothing else
}

// post sends the alert as often as the story says, at once.
func (r Runner) post(ctx context.Context, s Story, rename renamer) ([]answer, error) {
	body := rename.body(s.Firing)
	answers, errs := make([]answer, s.Posts), make([]error, s.Posts)
	var group sync.WaitGroup
	for i := range s.Posts {
		group.Go(func() { answers[i], errs[i] = r.send(ctx, body) })
	}
	group.Wait()
	return answers, errors.Join(errs...)
}

// answer is what the gateway said to one post.
type answer struct {
	status int
	body   []byte
}

// send posts a body, again while the gateway says 503, as Alertmanager does.
func (r Runner) send(ctx context.Context, body []byte) (answer, error) {
	var a answer
	err := until(ctx, postTimeout, func() (bool, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.System.URL()+"/api/v1/signals/prometheus", bytes.NewReader(body))
		if err != nil {
			return false, err
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := r.Client.Do(req)
		if err != nil {
			return false, err
		}
		defer func() { _ = resp.Body.Close() }()
		a.status = resp.StatusCode
		a.body, err = io.ReadAll(io.LimitReader(resp.Body, answerMax))
		return resp.StatusCode < 500, err
	})
	if err != nil {
		return a, fmt.Errorf("post alert: %w", err)
	}
	return a, nil
}

// follow waits for the end of a remediation, answering for a person where the
// story says how.
func (r Runner) follow(ctx context.Context, s Story, id string) (timeline.View, error) {
	var view timeline.View
	var ended time.Time
	answered := false
	err := until(ctx, storyTimeout, func() (bool, error) {
		entries, err := r.System.History().Timeline(ctx, id)
		if err != nil && !errors.Is(err, history.ErrNotFound) {
			return false, err
		}
		if len(entries) == 0 {
			return false, nil
		}
		if view, err = timeline.Of(entries); err != nil {
			return false, err
		}
		if view.Held != nil && !answered {
			if r.Held != nil {
				r.Held(s, view)
			}
			if s.Answer != "" {
				if err := r.respond(ctx, id, s.Answer); err != nil {
					return false, err
				}
			}
			answered = true
		}
		if !view.Ended {
			return false, nil
		}
		if ended.IsZero() {
			ended = r.Now()
		}
		return timeline.Whole(entries) || r.Now().Sub(ended) > wholeWithin, nil
	})
	if err != nil {
		return view, fmt.Errorf("follow remediation %s (at %s): %w", id, view.Phase, err)
	}
	return view, nil
}

func (r Runner) respond(ctx context.Context, id, verb string) error {
	body := strings.NewReader(`{"comment": "Answered by the replay of a sample."}`)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.System.URL()+"/api/v1/remediations/"+id+"/"+verb, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := r.Client.Do(req)
	if err != nil {
		return fmt.Errorf("%s remediation: %w", verb, err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode >= 300 {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, answerMax)) // what could be read tells enough
		return fmt.Errorf("%s remediation: %s: %s", verb, resp.Status, text)
	}
	return nil
}

// read takes the remediations and reasons out of the gateway's answers.
func (res *Result) read(answers []answer) []string {
	var ids []string
	seen := map[string]bool{}
	for _, a := range answers {
		res.Statuses[a.status]++
		for _, alert := range alertsOf(a.body) {
			if alert.RemediationID != "" && !seen[alert.RemediationID] {
				seen[alert.RemediationID] = true
				ids = append(ids, alert.RemediationID)
			}
			if alert.RemediationID == "" {
				res.Reason = alert.Reason
			}
		}
	}
	return ids
}

// gatewayAlert is what the gateway answers for one alert.
type gatewayAlert struct {
	Status        string `json:"status"`
	Reason        string `json:"reason"`
	RemediationID string `json:"remediationId"`
}

func alertsOf(body []byte) []gatewayAlert {
	var several struct {
		Results []gatewayAlert `json:"results"`
	}
	if err := json.Unmarshal(body, &several); err == nil && len(several.Results) > 0 {
		return several.Results
	}
	var one gatewayAlert
	if err := json.Unmarshal(body, &one); err != nil {
		return nil
	}
	return []gatewayAlert{one}
}

// expectDryRun changes what is expected where something would have been done.
// What was never to act, such as a proposal that policy rejects, ends alike.
func (res *Result) expectDryRun() {
	if slices.ContainsFunc(res.Remediations, func(v timeline.View) bool { return v.DryRun }) {
		res.Expected = event.OutcomeDryRun
	}
}

// judge holds the result against the expectation.
func (res *Result) judge() {
	switch n := len(res.Remediations); {
	case n > 1:
		res.Wrong = fmt.Sprintf("%d remediations were opened, one was expected", n)
	case n == 1 && res.Remediations[0].Outcome != res.Expected:
		res.Wrong = fmt.Sprintf("it ended as %s (%s), expected was %s", res.Remediations[0].Outcome, res.Remediations[0].Reason, res.Expected)
	case n == 0 && res.Reason != res.Expected:
		res.Wrong = fmt.Sprintf("no remediation was opened, for reason %q; expected was %s", res.Reason, res.Expected)
	}
}

var errTooLong = errors.New("it took too long")

// until polls a condition. What it polls has no way to tell of a change.
func until(ctx context.Context, within time.Duration, condition func() (bool, error)) error {
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		ok, err := condition()
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
			return errTooLong
		case <-tick.C:
		}
	}
}

// renamer makes a captured body speak of this run: of a pod that exists, and
// of now.
type renamer struct {
	pod              [2]string
	startsAt, endsAt time.Time
}

// The times in the captured bodies, which a replay puts forward to its own.
const (
	CapturedStart = "2026-01-05T03:00:00Z"
	CapturedEnd   = "2026-01-05T03:10:00Z"
)

func (r renamer) body(captured []byte) []byte {
	pairs := []string{CapturedStart, r.startsAt.UTC().Format(time.RFC3339Nano)}
	if !r.endsAt.IsZero() {
		pairs = append(pairs, CapturedEnd, r.endsAt.UTC().Format(time.RFC3339Nano))
	}
	if r.pod[0] != "" && r.pod[1] != "" {
		pairs = append(pairs, r.pod[0], r.pod[1])
	}
	return []byte(strings.NewReplacer(pairs...).Replace(string(captured)))
}
