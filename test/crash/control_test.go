package main

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// moment is where at a call something happens.
type moment string

// The moments of a call: before it goes out, and after its answer came but
// before the caller has it.
const (
	before moment = "before"
	after  moment = "after"
)

// errDead is what becomes of a call whose caller was killed.
var errDead = errors.New("the caller was killed")

// polls are the calls that a clock makes and no story: their number means
// nothing, so only the first few are planned, and they are no sign of work.
var polls = []string{"redis due_peek", "redis begin inbox assess", "redis release inbox assess", "redis PING", "store live"}

// maxPolls bounds the planned calls of each polling site.
const maxPolls = 2

func isPoll(name string) bool {
	return slices.ContainsFunc(polls, func(p string) bool { return strings.HasPrefix(name, p) })
}

// trap springs at one moment of one call.
type trap struct {
	site string
	at   moment
	// spring runs while the call waits.
	spring func() error
	// kills says that nothing may be handed to the caller any more.
	kills  bool
	sprung chan struct{}
	err    error
}

func (t *trap) reached() bool {
	select {
	case <-t.sprung:
		return true
	default:
		return false
	}
}

// control names and numbers the calls of one story, and holds its trap.
type control struct {
	mu     sync.Mutex
	counts map[string]int
	sites  []string
	trap   *trap
	set    bool
	last   time.Time
}

func newControl() *control { return &control{counts: map[string]int{}} }

// begin starts the numbering anew, for the next story; t may be nil.
func (c *control) begin(t *trap) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts, c.sites, c.trap, c.set = map[string]int{}, nil, t, t != nil
}

// seen are the numbered calls since begin.
func (c *control) seen() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.sites)
}

// quiet tells that there was no work for so long.
func (c *control) quiet(d time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Since(c.last) > d
}

// enter numbers a call.
func (c *control) enter(name string) (site string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts[name]++
	site = name + " #" + strconv.Itoa(c.counts[name])
	if !isPoll(name) {
		c.last = time.Now()
	}
	if !isPoll(name) || c.counts[name] <= maxPolls {
		c.sites = append(c.sites, site)
	}
	return site
}

// pass reports errDead if the caller died at this moment of the call.
func (c *control) pass(site string, at moment) error {
	c.mu.Lock()
	t := c.trap
	hit := c.set && t.site == site && t.at == at
	if hit {
		c.set = false
	}
	if at == after && !isPoll(site) {
		c.last = time.Now()
	}
	c.mu.Unlock()
	if !hit {
		return nil
	}
	t.err = t.spring()
	close(t.sprung)
	if t.kills {
		return errDead
	}
	return nil
}

// call makes one outside call on the child's behalf.
func (c *control) call(name string, do func() error) error {
	site := c.enter(name)
	if err := c.pass(site, before); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return c.pass(site, after)
}
