package scenario

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// alertmanager is a real one: the bed's, or a process of the scenarios' own.
type alertmanager interface {
	URL() string
	Configure(ctx context.Context, config string) error
}

// ownAlertmanager runs on this machine's loopback.
type ownAlertmanager struct {
	url, folder string
	process     *exec.Cmd
}

func (a *ownAlertmanager) config() string { return filepath.Join(a.folder, "alertmanager.yml") }

// startAlertmanager starts one that tells nobody yet.
func startAlertmanager(ctx context.Context) (*ownAlertmanager, error) {
	path, err := exec.LookPath("prometheus-alertmanager")
	if err != nil {
		return nil, fmt.Errorf("find Alertmanager: %w; install Debian's prometheus-alertmanager", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := listener.Addr().String()
	a := &ownAlertmanager{url: "http://" + address}
	if a.folder, err = os.MkdirTemp("", "alertmanager-"); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	silent := []byte("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
	if err := errors.Join(os.WriteFile(a.config(), silent, 0o600), listener.Close()); err != nil {
		return nil, err
	}
	a.process = exec.Command(path, "--config.file="+a.config(), "--storage.path="+a.folder, "--web.listen-address="+address, "--cluster.listen-address=")
	if err := a.process.Start(); err != nil {
		return nil, fmt.Errorf("start Alertmanager: %w", err)
	}
	return a, wait.PollUntilContextTimeout(ctx, pollEvery, patience, true, func(ctx context.Context) (bool, error) {
		return a.ask(ctx, http.MethodGet, "/-/ready") == nil, nil
	})
}

// URL is where it takes alerts.
func (a *ownAlertmanager) URL() string { return a.url }

// Configure has it read a configuration.
func (a *ownAlertmanager) Configure(ctx context.Context, config string) error {
	if err := os.WriteFile(a.config(), []byte(config), 0o600); err != nil {
		return err
	}
	return a.ask(ctx, http.MethodPost, "/-/reload")
}

func (a *ownAlertmanager) ask(ctx context.Context, method, path string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, a.url+path, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("ask Alertmanager: %s%s says %s", a.url, path, response.Status)
	}
	return nil
}

func (a *ownAlertmanager) close() error {
	err := a.process.Process.Kill()
	_ = a.process.Wait() // it was killed
	return errors.Join(err, os.RemoveAll(a.folder))
}
