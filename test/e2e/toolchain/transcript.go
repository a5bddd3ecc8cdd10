package toolchain

import (
	"context"
	"fmt"
	"strings"
	"sync"
)

// transcript reads what "go build -v" writes: it counts the packages and
// downloads, which are told as progress, and keeps everything else, which are
// errors. It is safe for use by several goroutines.
type transcript struct {
	mu         sync.Mutex
	partial    []byte
	packages   int
	downloads  int
	complaints []byte
}

// Write takes the next piece of output, which may end within a line.
func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.partial = append(t.partial, p...)
	for {
		line, rest, whole := strings.Cut(string(t.partial), "\n")
		if !whole {
			return len(p), nil
		}
		t.partial = []byte(rest)
		t.take(line)
	}
}

// take sorts one line. A package's line is its import path and nothing else.
func (t *transcript) take(line string) {
	switch {
	case strings.HasPrefix(line, "go: downloading "):
		t.downloads++
	case line != "" && !strings.ContainsAny(line, " \t:"):
		t.packages++
	default:
		t.complaints = append(append(t.complaints, line...), '\n')
	}
}

// progress says how far the build is.
func (t *transcript) progress() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.packages == 0 && t.downloads > 0 {
		return fmt.Sprintf("%d modules downloaded", t.downloads)
	}
	return fmt.Sprintf("%d packages compiled", t.packages)
}

// explain returns the error of a finished command with what it wrote and what to
// do next; nil for nil.
func (t *transcript) explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	text := string(t.complaints) + string(t.partial)
	lines := strings.Join(lastLines([]byte(text), keptLines), "\n")
	return fmt.Errorf("go build: %w: %s\n%s", err, advice(text), lines)
}

// causes maps what go writes to what its reader can do, the first that is found.
var causes = []struct{ sign, advice string }{
	{"no space left on device", "free some disk space: a first build of everything needs about 20 GB for Go's module and build caches"},
	{"missing go.sum entry", "the recipe's go.sum is not whole: run go mod download in the recipe's folder and commit go.sum"},
	{"updates to go.mod needed", "the recipe's go.mod is not whole: run go build -mod=mod in the recipe's folder and commit go.mod and go.sum"},
	{"SECURITY ERROR", "a module is not what it was when it was pinned: do not build it, find out why"},
	{"verifying module", "the checksum database could not be asked: check the network and GOSUMDB"},
	{"disabled by GOPROXY", "the module is not in Go's module cache and GOPROXY does not let it be downloaded"},
	{"dial tcp", "modules cannot be downloaded: check the network, GOPROXY and HTTPS_PROXY, or fill Go's module cache first"},
	{"403 Forbidden", "the module named below cannot be had: pin another version of it in the recipe's go.mod"},
	{"404 Not Found", "the module named below cannot be had: pin another version of it in the recipe's go.mod"},
	{"410 Gone", "the module named below cannot be had: pin another version of it in the recipe's go.mod"},
	{"unknown revision", "the module named below cannot be had: pin another version of it in the recipe's go.mod"},
	{"requires go >=", "install a newer Go, or let GOTOOLCHAIN=auto fetch it"},
	{"signal: killed", "the compiler was killed, most likely for want of memory: 8 GB are needed"},
}

// advice returns what to do about a failed build.
func advice(output string) string {
	for _, cause := range causes {
		if strings.Contains(output, cause.sign) {
			return cause.advice
		}
	}
	return "what go said follows"
}
