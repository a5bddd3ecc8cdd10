package function

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"kubernaut.ai/shared/event"
)

// Bounds of what one signal may ask of the API server. A turn has 25 s, and
// the longest chain of reads that need one another is four.
const (
	totalTimeout = 18 * time.Second
	partTimeout  = 5 * time.Second
	// maxParallel bounds the reads of one signal that run at the same time.
	maxParallel = 8
)

// gathering runs the reads of one context and remembers which failed.
type gathering struct {
	slots chan struct{}
	group sync.WaitGroup

	mutex       sync.Mutex
	answered    bool
	unavailable map[string]string
	failures    []string
	cut         []string
}

func newGathering() *gathering {
	return &gathering{slots: make(chan struct{}, maxParallel), unavailable: make(map[string]string)}
}

// read runs one bounded read now, and notes under its part how it went. Reads
// must not start reads: they hold a slot.
func (g *gathering) read(ctx context.Context, part string, read func(context.Context) error) bool {
	ctx, cancel := context.WithTimeout(ctx, partTimeout)
	defer cancel()
	select {
	case g.slots <- struct{}{}:
		defer func() { <-g.slots }()
	case <-ctx.Done():
		return g.note(part, ctx.Err())
	}
	return g.note(part, read(ctx))
}

// start runs one bounded read beside the others; wait ends when all are done.
func (g *gathering) start(ctx context.Context, part string, read func(context.Context) error) {
	g.group.Go(func() { g.read(ctx, part, read) })
}

func (g *gathering) wait() { g.group.Wait() }

func (g *gathering) note(part string, err error) bool {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.answered = g.answered || answered(err)
	if err == nil {
		return true
	}
	// The first failure of a part is the one that explains the others.
	if _, known := g.unavailable[part]; !known {
		g.unavailable[part] = reasonOf(err)
		g.failures = append(g.failures, fmt.Sprintf("%s: %v", part, err))
	}
	return false
}

// shortened marks that a list was not read to its end.
func (g *gathering) shortened(list string, read int) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if line := fmt.Sprintf("%s: only the first %d were read", list, read); !slices.Contains(g.cut, line) {
		g.cut = append(g.cut, line)
	}
}

// verdict puts what could not be read into the context, in order of names. It
// is an error if the API server gave no answer at all.
func (g *gathering) verdict(c *event.Context) error {
	if !g.answered {
		slices.Sort(g.failures)
		return fmt.Errorf("read context of %s: %s", c.Target, event.Cut(strings.Join(g.failures, "; "), event.MaxText))
	}
	for part, reason := range g.unavailable {
		c.Unavailable = append(c.Unavailable, event.Unavailable{Part: part, Reason: reason})
	}
	slices.SortFunc(c.Unavailable, func(a, b event.Unavailable) int { return strings.Compare(a.Part, b.Part) })
	slices.Sort(g.cut)
	c.Cut = append(c.Cut, g.cut...)
	return nil
}
