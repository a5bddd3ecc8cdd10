package product

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// stopPatience is how long a command may take to end when it is told to.
const stopPatience = 15 * time.Second

// functions deploys the functions as a user does.
func (i *installation) functions(ctx context.Context) error {
	arguments := []string{"OVERLAY=" + settingsOf, "REGISTRY=" + i.Registry, "FUNC=" + i.Func, "PLATFORM=" + i.Platform}
	if len(i.Functions) > 0 {
		arguments = append(arguments, "FUNCTION="+strings.Join(i.Functions, ","))
	}
	_, err := i.make(ctx, i.Log, "deploy", arguments...)
	return err
}

// make runs a target of the project's Makefile and returns what it printed,
// which out gets too, as it comes. Its error quotes what it said.
func (i *installation) make(ctx context.Context, out io.Writer, target string, arguments ...string) ([]byte, error) {
	arguments = append([]string{"--silent", "--directory", i.Root, "KUBECTL=" + i.Kubectl, target}, arguments...)
	cmd := exec.CommandContext(ctx, "make", arguments...)
	var printed, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = io.MultiWriter(&printed, out), io.MultiWriter(&said, out)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+i.Kubeconfig, "REDIS_URL="+i.Redis, "HISTORY_URL="+i.Postgres,
		fmt.Sprintf("FUNC_REGISTRY_INSECURE=%t", i.InsecureRegistry),
		// The workspace's own setting, whatever whoever called has.
		"GOWORK=", "MAKEFLAGS=")
	// A group of its own, so that what make started ends with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = stopPatience
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("run make %s: %w: %s", target, errors.Join(err, context.Cause(ctx)), lastOf(said.Bytes()))
	}
	return printed.Bytes(), nil
}

// quoted is how much of a command's last words an error quotes, in bytes.
const quoted = 2 << 10

func lastOf(text []byte) []byte {
	text = bytes.TrimSpace(text)
	return text[max(0, len(text)-quoted):]
}
