package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// load posts bodies to a URL.
type load struct {
	url     string
	headers map[string]string
	// body makes the n-th body.
	body   func(n int64) []byte
	client *http.Client
	// clients is the number of connections of a closed loop; 0 means few.
	clients int
	// most is how many bodies there are; 0 is as many as are asked for.
	most int64
	// accept says whether an answer's status is as it should be.
	accept func(status int) bool
}

// Connections of a closed loop: few send batches, as Alertmanagers do, and fewer
// yet the large ones of a storm; many are needed to keep two cores busy where
// each request passes four processes.
const (
	stormClients = 4
	fewClients   = 16
	manyClients  = 64
	// fullClients are nearly as many as Knative sends one pod at once: the calls
	// that alerts cost share round trips the better, the more are under way.
	fullClients = 96
)

// A sender waits a moment after a 503, since it is measured, and gives up after
// seconds of them.
const (
	retryAfter = 10 * time.Millisecond
	mostTries  = 500
)

func (l load) prepared() load {
	if l.clients == 0 {
		l.clients = fewClients
	}
	l.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4 * l.clients}}
	return l
}

// post posts a body until it is taken, as senders do whom a gateway that has enough
// to do answers 503: how long that took is the sender's wait.
func (l load) post(ctx context.Context, n int64) error {
	for tries := 1; ; tries++ {
		status, err := l.once(ctx, n)
		if status != http.StatusServiceUnavailable || tries == mostTries {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(retryAfter):
		}
	}
}

func (l load) once(ctx context.Context, n int64) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.url, bytes.NewReader(l.body(n)))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	for k, v := range l.headers {
		req.Header.Set(k, v)
	}
	resp, err := l.client.Do(req)
	if err != nil {
		return 0, err
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	_ = resp.Body.Close()
	if err == nil && !l.accept(resp.StatusCode) {
		err = fmt.Errorf("%s: %.300s", resp.Status, text)
	}
	return resp.StatusCode, err
}

// closed posts as fast as answers come, until the time or the bodies are over,
// and returns the number of requests a second.
func (l load) closed(ctx context.Context, length time.Duration) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	var count, next atomic.Int64
	errs := make(chan error, l.clients)
	begun := time.Now()
	var group sync.WaitGroup
	for range l.clients {
		group.Go(func() {
			for ctx.Err() == nil {
				n := next.Add(1)
				if l.most > 0 && n > l.most {
					return
				}
				if err := l.post(ctx, n); err != nil {
					if ctx.Err() == nil {
						errs <- err
					}
					return
				}
				count.Add(1)
			}
		})
	}
	group.Wait()
	select {
	case err := <-errs:
		return 0, err
	default:
		return float64(count.Load()) / time.Since(begun).Seconds(), nil
	}
}

// open posts at a fixed rate whatever the answers do, and returns how long
// each took from when it was due.
func (l load) open(ctx context.Context, perSecond float64, length time.Duration) (latencies, error) {
	total := int(perSecond * length.Seconds())
	out := make(latencies, total)
	errs := make(chan error, 1)
	var group sync.WaitGroup
	begun := time.Now()
	for i := range total {
		due := begun.Add(time.Duration(float64(i) / perSecond * float64(time.Second)))
		wait := time.NewTimer(time.Until(due))
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-wait.C:
		}
		group.Go(func() {
			if err := l.post(ctx, int64(i)); err != nil {
				select {
				case errs <- err:
				default: // one error tells enough
				}
			}
			out[i] = time.Since(due)
		})
	}
	group.Wait()
	select {
	case err := <-errs:
		return nil, err
	default:
		return out, nil
	}
}

type latencies []time.Duration

// at is the p-th percentile.
func (l latencies) at(p float64) time.Duration {
	sorted := slices.Clone(l)
	slices.Sort(sorted)
	return sorted[min(len(sorted)-1, int(p/100*float64(len(sorted))))]
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond)) }

// usage measures the processor time of a server and of this process.
type usage struct {
	pid          int
	begun        time.Time
	server, self time.Duration
}

func startUsage(pid int) usage {
	return usage{pid: pid, begun: time.Now(), server: cpuOf(pid), self: cpuOf(os.Getpid())}
}

func (u usage) String() string {
	spent := time.Since(u.begun)
	share := func(d time.Duration) float64 { return 100 * d.Seconds() / spent.Seconds() }
	return fmt.Sprintf("%.0f %% + %.0f %%", share(cpuOf(u.pid)-u.server), share(cpuOf(os.Getpid())-u.self))
}
