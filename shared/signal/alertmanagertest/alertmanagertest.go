// Package alertmanagertest runs a real Alertmanager for tests: the binary of
// Debian's package prometheus-alertmanager, or the one that ALERTMANAGER
// names, on loopback.
//
//	am, err := alertmanagertest.Start(ctx, dir, alertmanagertest.Telling(webhookURL))
//	defer am.Stop()
//	err = am.Post(ctx, alertmanagertest.Alert{Labels: map[string]string{"alertname": "X"}})
package alertmanagertest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"kubernaut.ai/shared/porttest"
)

// ErrMissing says that there is no Alertmanager on this machine.
var ErrMissing = errors.New("no Alertmanager: install Debian's prometheus-alertmanager, or set ALERTMANAGER to a binary")

// Alert is what Prometheus posts.
type Alert struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	GeneratorURL string            `json:"generatorURL,omitempty"`
	StartsAt     time.Time         `json:"startsAt,omitzero"`
	EndsAt       time.Time         `json:"endsAt,omitzero"`
}

// Server is a running Alertmanager.
type Server struct {
	command *exec.Cmd
	url     string
	config  string
	done    chan error
	output  *bytes.Buffer
}

const (
	startWithin = 20 * time.Second
	stopWithin  = 10 * time.Second
	pollEvery   = 50 * time.Millisecond
)

// telling groups nothing, waits for nothing, and tells of resolution.
const telling = `
route:
  receiver: kubernaut
  group_by: ['...']
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 1h
receivers:
  - name: kubernaut
    webhook_configs:
      - url: %q
        send_resolved: true
`

func binary() (string, error) {
	if path := os.Getenv("ALERTMANAGER"); path != "" {
		return path, nil
	}
	for _, name := range []string{"prometheus-alertmanager", "alertmanager"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", ErrMissing
}

// Telling is a configuration that tells a webhook of every alert at once.
func Telling(webhookURL string) string { return fmt.Sprintf(telling, webhookURL) }

// Start runs Alertmanager with its state in dir until Stop.
func Start(ctx context.Context, dir, config string) (*Server, error) {
	return start(ctx, dir, config, alone)
}

// alone is the setting of an Alertmanager that has no peers.
var alone = []string{"--cluster.listen-address="}

// StartPair starts two as one highly available Alertmanager: they tell each
// other what they sent, and the second sends only what the first did not.
func StartPair(ctx context.Context, dir, config string) (first, second *Server, err error) {
	meeting, err := porttest.FreeAddress()
	if err != nil {
		return nil, nil, err
	}
	together := []string{"--cluster.gossip-interval=50ms", "--cluster.pushpull-interval=500ms", "--cluster.peer-timeout=1s", "--cluster.settle-timeout=5s"}
	first, err = start(ctx, filepath.Join(dir, "first"), config, append(together, "--cluster.listen-address="+meeting))
	if err != nil {
		return nil, nil, err
	}
	second, err = start(ctx, filepath.Join(dir, "second"), config, append(together, "--cluster.listen-address=127.0.0.1:0", "--cluster.peer="+meeting))
	if err != nil {
		return nil, nil, errors.Join(err, first.Stop())
	}
	return first, second, nil
}

func start(ctx context.Context, dir, config string, cluster []string) (*Server, error) {
	path, err := binary()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	file := filepath.Join(dir, "alertmanager.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return nil, fmt.Errorf("write configuration: %w", err)
	}
	address, err := porttest.FreeAddress()
	if err != nil {
		return nil, err
	}
	s := &Server{url: "http://" + address, config: file, done: make(chan error, 1), output: &bytes.Buffer{}}
	s.command = exec.Command(path, append([]string{"--config.file=" + file, "--storage.path=" + filepath.Join(dir, "data"),
		"--web.listen-address=" + address}, cluster...)...)
	s.command.Stdout, s.command.Stderr = s.output, s.output
	s.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.command.Start(); err != nil {
		return nil, fmt.Errorf("start Alertmanager: %w", err)
	}
	go func() { s.done <- s.command.Wait() }()
	if err := s.ready(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

func (s *Server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		if resp, err := http.Get(s.url + "/-/ready"); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case err := <-s.done:
			s.done <- err
			return fmt.Errorf("start Alertmanager: it ended: %w: %s", err, s.output)
		case <-ctx.Done():
			return fmt.Errorf("start Alertmanager: not ready within %s", startWithin)
		case <-tick.C:
		}
	}
}

// URL is the address of its API.
func (s *Server) URL() string { return s.url }

// Post gives it alerts, as Prometheus does.
func (s *Server) Post(ctx context.Context, alerts ...Alert) error {
	body, err := json.Marshal(alerts)
	if err != nil {
		return fmt.Errorf("encode alerts: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/api/v2/alerts", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("post alerts: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("post alerts: %s", resp.Status)
	}
	return nil
}

// Configure replaces the configuration and has Alertmanager read it.
func (s *Server) Configure(ctx context.Context, config string) error {
	if err := os.WriteFile(s.config, []byte(config), 0o600); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/-/reload", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("reload Alertmanager: %w", err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("reload Alertmanager: %s", response.Status)
	}
	return nil
}

// Kill is kill -9: it tells nobody that it goes. It returns when the process is gone.
func (s *Server) Kill() error {
	if err := s.command.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill Alertmanager: %w", err)
	}
	err := <-s.done
	s.done <- err // for whoever stops it
	return nil
}

// Stop ends the process and waits for it; one that has ended is no error.
func (s *Server) Stop() error {
	if err := s.command.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop Alertmanager: %w", err)
	}
	select {
	case <-s.done:
		return nil // how it ended does not matter: it was told to
	case <-time.After(stopWithin):
		return errors.Join(s.command.Process.Kill(), fmt.Errorf("stop Alertmanager: killed after %s", stopWithin))
	}
}
