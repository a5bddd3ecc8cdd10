package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"kubernaut.ai/local/system"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/event/eventtest"
	"kubernaut.ai/shared/porttest"
	"kubernaut.ai/shared/stage"
)

// scaffold is the main that func generates around a function, in essence.
// Where a profile is wanted, it is written when the stage is told to end.
const scaffold = `package main

import (
	"os"
	"runtime/pprof"

	fn "knative.dev/func-go/http"
	f "kubernaut.ai/functions/%s"
)

func main() {
	if out, err := os.Create(os.Getenv("` + envProfile + `")); err == nil {
		_ = pprof.StartCPUProfile(out)
		defer pprof.StopCPUProfile()
	}
	if err := fn.Start(f.New()); err != nil {
		os.Exit(1)
	}
}
`

// envProfile names the file for a stage's processor profile.
const envProfile = "BENCH_PROFILE"

// build makes one binary a stage, as func's host builder would, without
// writing a file into the project: the main is an overlay.
func (b *bed) build(ctx context.Context, name string) (string, error) {
	binary := filepath.Join(b.dir, "bin", name)
	if _, err := os.Stat(binary); err == nil {
		return binary, nil
	}
	root, err := filepath.Abs(b.root)
	if err != nil {
		return "", err
	}
	source, virtual := filepath.Join(b.dir, name+".go"), filepath.Join(root, "test", "bench", "overlay", name, "main.go")
	if err := os.WriteFile(source, fmt.Appendf(nil, scaffold, name), 0o600); err != nil {
		return "", err
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{virtual: source}})
	if err != nil {
		return "", err
	}
	list := filepath.Join(b.dir, name+".json")
	if err := os.WriteFile(list, overlay, 0o600); err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-overlay", list, "-ldflags=-s -w", "-o", binary, filepath.Dir(virtual))
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w: %s", name, err, out)
	}
	return binary, nil
}

// launch starts a stage's binary and waits until it is ready.
func (b *bed) launch(ctx context.Context, name string, env ...string) (*os.Process, string, time.Duration, error) {
	binary, err := b.build(ctx, name)
	if err != nil {
		return nil, "", 0, err
	}
	address, err := porttest.FreeAddress()
	if err != nil {
		return nil, "", 0, err
	}
	cmd := exec.Command(binary)
	cmd.Env = append(os.Environ(), "LISTEN_ADDRESS="+address, stage.EnvKubeconfig+"="+filepath.Join(b.dir, "kubeconfig"), "APPROVE_AUTH=cluster")
	for k, v := range b.settings(name) {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	cmd.Env = append(append(cmd.Env, env...), b.profiles(name)...)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	begun := time.Now()
	process, err := b.start(cmd)
	if err != nil {
		return nil, "", 0, err
	}
	err = until(ctx, func() bool {
		resp, err := client.Get("http://" + address + "/health/readiness")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return process, "http://" + address + "/", time.Since(begun), err
}

// coldRuns is how often each binary is started; the median counts.
const coldRuns = 5

// coldStart measures from exec to ready, for each stage's own binary.
func coldStart(ctx context.Context, b *bed) ([]row, error) {
	if err := b.cluster(); err != nil {
		return nil, err
	}
	var worst time.Duration
	var slowest string
	var largest int64
	for _, name := range system.Stages() {
		times := make(latencies, coldRuns)
		for i := range times {
			process, _, took, err := b.launch(ctx, name)
			if err != nil {
				return nil, fmt.Errorf("start %s: %w", name, err)
			}
			times[i] = took
			if err := process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
				return nil, err
			}
		}
		if m := times.at(50); m > worst {
			worst, slowest = m, name
		}
		if info, err := os.Stat(filepath.Join(b.dir, "bin", name)); err == nil {
			largest = max(largest, info.Size())
		}
	}
	return []row{{"cold start of the slowest stage to Ready", fmt.Sprintf("%s (%s); largest binary %s", ms(worst), slowest, mib(largest)), "< 120 ms", ""}}, nil
}

// cluster starts a simulated cluster whose kubeconfig the binaries read.
func (b *bed) cluster() error {
	_, _, err := b.self("simulation", map[string]string{"BENCH_KUBECONFIG": filepath.Join(b.dir, "kubeconfig")})
	return err
}

// fed are the stages whose memory is measured, with the type they are fed.
var fed = map[string]string{
	event.StageClassify: event.SignalEnriched, event.StageAnalyze: event.SignalClassified,
	event.StageAuthorize: event.RemediationProposed, event.StageRecord: event.SignalReceived, event.StageEnrich: event.SignalReceived,
}

// memory measures the resident memory of stages while events come in as fast
// as they are answered.
func memory(ctx context.Context, b *bed) ([]row, error) {
	if err := b.cluster(); err != nil {
		return nil, err
	}
	var rows []row
	for _, name := range system.Stages() {
		eventType, ok := fed[name]
		if !ok {
			continue
		}
		process, url, _, err := b.launch(ctx, name)
		if err != nil {
			return nil, err
		}
		used := startUsage(process.Pid)
		l := load{url: url, headers: map[string]string{"Content-Type": "application/cloudevents+json"}, accept: func(s int) bool { return s < 300 || s == 503 },
			body: func(n int64) []byte { return resealed(eventType, n) }}.prepared()
		rate, err := l.closed(ctx, b.length)
		if err != nil {
			return nil, fmt.Errorf("load %s: %w", name, err)
		}
		rows = append(rows, row{name + ", resident memory under load", fmt.Sprintf("%s at %.0f events/s", mib(memoryOf(process.Pid)), rate), "< 60 MiB", used.String()})
		_ = process.Kill()
	}
	return rows, nil
}

// resealed is the golden sample of a type with an id of its own.
func resealed(eventType string, n int64) []byte {
	e := eventtest.Sample(eventType)
	e.SetID(event.ID(fmt.Sprint(n), eventType, 0))
	producer, _ := event.StageOf(e.Source())
	if err := eventtest.Key(producer).Seal(&e); err != nil {
		return nil
	}
	body, err := e.MarshalJSON()
	if err != nil {
		return nil
	}
	return body
}
