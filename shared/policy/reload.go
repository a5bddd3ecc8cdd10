package policy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"knative.dev/pkg/logging"

	"kubernaut.ai/shared/policy/internal/rules"
)

// Status tells which policy is in force, and what is wrong with a newer one.
type Status struct {
	Name string `json:"name"`
	// Digest identifies the policy in force: 12 hex characters of the SHA-256
	// of its modules and data.
	Digest string `json:"digest"`
	// User tells that files of the user's directory are part of it.
	User bool `json:"user"`
	// Since is when it came into force in this process.
	Since time.Time `json:"since"`
	// Broken is why the directory's present content is not in force; nil if it is.
	Broken error `json:"-"`
}

// Status looks at the directory if it is time to, and reports.
func (e *Engine) Status(ctx context.Context) Status {
	e.refresh(ctx)
	c := e.inForce.Load()
	s := Status{Name: e.options.Name, Digest: c.digest, User: c.user, Since: c.since}
	if broken := e.watch.broken.Load(); broken != nil {
		s.Broken = *broken
	}
	return s
}

// unread is the mark of a directory that could not be read: no content has it.
const unread = "\x00"

// watch remembers what the directory looked like.
type watch struct {
	next   atomic.Int64
	mutex  sync.Mutex
	mark   string
	broken atomic.Pointer[error]
}

func (w *watch) start(mark string, now time.Time) {
	w.mark = mark
	w.next.Store(now.Add(CheckEvery).UnixNano())
}

// due lets one caller through each CheckEvery; the others go on with the
// policy in force.
func (w *watch) due(now time.Time) bool {
	next := w.next.Load()
	return now.UnixNano() >= next && w.next.CompareAndSwap(next, now.Add(CheckEvery).UnixNano())
}

// refresh puts the directory's content in force if it has changed and is
// sound.
func (e *Engine) refresh(ctx context.Context) {
	if e.options.Dir == "" || !e.watch.due(e.options.Now()) {
		return
	}
	e.watch.mutex.Lock()
	defer e.watch.mutex.Unlock()
	mark, err := signature(e.options.Dir)
	if err == nil && mark == e.watch.mark {
		return
	}
	var c *compiled
	if err == nil {
		// Who asks and goes away does not make a sound policy a broken one.
		c, err = e.compile(context.WithoutCancel(ctx), mark)
	}
	if err != nil {
		// What is invalid stays so until it changes; what could not be read
		// is read again at the next look.
		e.watch.mark = unread
		if errors.Is(err, ErrInvalid) {
			e.watch.mark = mark
		}
		e.keep(ctx, err)
		return
	}
	e.watch.mark = mark
	e.replace(ctx, c)
}

func (e *Engine) replace(ctx context.Context, c *compiled) {
	former := e.inForce.Swap(c)
	e.watch.broken.Store(nil)
	logging.FromContext(ctx).Infow("policy reloaded", "policy", e.options.Name,
		"digest", c.digest, "former", former.digest, "user", c.user)
}

// keep leaves the last good policy in force, and logs each fault once.
func (e *Engine) keep(ctx context.Context, fault error) {
	known := e.watch.broken.Swap(&fault)
	if known != nil && (*known).Error() == fault.Error() {
		return
	}
	logging.FromContext(ctx).Errorw("policy not reloaded: the last good one stays in force",
		"policy", e.options.Name, "digest", e.inForce.Load().digest, "error", fault.Error())
}

// errChanged says that the directory changed while it was read: old rules
// might be compiled with new data.
var errChanged = fmt.Errorf("%w: the directory changed while it was read", ErrUnreadable)

// content is where the directory's files are. A mounted ConfigMap keeps each
// version whole behind its link ..data; the files' own links are made and
// taken away one by one, some time after the swap.
func content(dir string) (string, error) {
	if dir == "" {
		return "", nil
	}
	versions := filepath.Join(dir, "..data")
	if _, err := os.Lstat(versions); err != nil {
		return dir, nil
	}
	return filepath.EvalSymlinks(versions)
}

// signature changes whenever the directory's policy files do.
func signature(dir string) (string, error) {
	if dir == "" {
		return "", nil
	}
	mark, err := sign(dir)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	return mark, nil
}

func sign(dir string) (string, error) {
	dir, err := content(dir)
	if err != nil {
		return "", err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, entry := range entries {
		if !rules.IsPolicyFile(entry.Name()) {
			continue
		}
		path := filepath.Join(dir, entry.Name())
		info, err := os.Stat(path)
		if err != nil {
			return "", err
		}
		// The path behind all links tells two ConfigMap versions apart that
		// were written with the same size and time.
		real, err := filepath.EvalSymlinks(path)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "%s %d %d %s\n", entry.Name(), info.Size(), info.ModTime().UnixNano(), real)
	}
	return b.String(), nil
}
