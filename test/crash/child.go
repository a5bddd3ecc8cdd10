package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"

	"kubernaut.ai/local/broker"
	"kubernaut.ai/local/system"
	"kubernaut.ai/shared/stage"
)

// envChild holds, in a child process, the orders that make it one.
const envChild = "KUBERNAUT_CRASH_CHILD"

// orders are what a child is told.
type orders struct {
	// Desk is the test's own server.
	Desk string
	// Root is the project's folder, Dir the child's own.
	Root, Dir                    string
	Redis, Kubeconfig, StorePath string
	Chaos                        *broker.Chaos
}

// sinkPath is where, on the test's server, functions publish to.
const sinkPath = "/sink"

// breakerOff is more than any run of the tests has remediations.
const breakerOff = "100000"

// live is a child's whole life: it ends with the test, whose end closes stdin.
func live(text string) error {
	var o orders
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return fmt.Errorf("read orders: %w", err)
	}
	desk = o.Desk
	s, err := system.Start(context.Background(), system.Options{
		Root: o.Root, Dir: o.Dir, RedisURL: o.Redis, Kubeconfig: o.Kubeconfig,
		HistoryURL: checkpointScheme + o.StorePath, SinkURL: o.Desk + sinkPath,
		Stabilization: 300 * time.Millisecond, PingEvery: 250 * time.Millisecond, BackoffScale: 0.2,
		Chaos: o.Chaos,
		// What takes minutes in production: the sweep, the leases of the dead.
		Settings: map[string]string{
			stage.EnvTurnWithin: "1500ms", stage.EnvInboxLease: "1s", "CLAIM_GRACE": "500ms", "ASSESS_RETRY": "300ms",
			"END_LOST_AFTER": "3s", "OBSERVE_WITHIN": "300ms",
			// So many stories at once are a storm.
			"BREAKER_TOTAL": breakerOff, "BREAKER_ACTION": breakerOff, "BREAKER_NAMESPACE": breakerOff,
		},
	})
	if err != nil {
		return err
	}
	if err := ask("/hello", url.Values{"front": {s.URL()}}, nil); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// desk is the test's own server, to a child.
var desk string

// ask posts a form to the test. The child may be killed meanwhile.
func ask(path string, form url.Values, answer *string) error {
	resp, err := http.PostForm(desk+path, form)
	if err != nil {
		return fmt.Errorf("ask the test: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("ask the test: %s", resp.Status)
	}
	if answer != nil {
		*answer = string(body)
	}
	return err
}
