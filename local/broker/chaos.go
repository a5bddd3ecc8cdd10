package broker

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// DefaultChaosDelay bounds delays and reorderings where Chaos.MaxDelay is zero.
const DefaultChaosDelay = 100 * time.Millisecond

// Chaos makes deliveries misbehave as a real network and a real Broker may. The fields are probabilities
// from 0 to 1. Delivery stays at least once whatever they are, Lose excepted.
type Chaos struct {
	// Seed makes a run repeatable as far as the order of events is.
	Seed uint64
	// Duplicate delivers an event to a Trigger twice.
	Duplicate float64
	// Delay holds a delivery back for a random time up to MaxDelay.
	Delay float64
	// Reorder holds a delivery back until another one to the same Trigger has overtaken it, or MaxDelay passed.
	Reorder float64
	// Drop makes an attempt fail, half of them before the subscriber sees it and half after it did its
	// work (a lost reply). The delivery's retries follow.
	Drop float64
	// Lose loses a delivery for good, as a Broker that dies does.
	Lose float64
	// MaxDelay bounds Delay and Reorder; 0 is DefaultChaosDelay.
	MaxDelay time.Duration
}

func (c *Chaos) validate() error {
	if c == nil {
		return nil
	}
	var errs []error
	for name, p := range map[string]float64{
		"Duplicate": c.Duplicate, "Delay": c.Delay, "Reorder": c.Reorder, "Drop": c.Drop, "Lose": c.Lose,
	} {
		if !(p >= 0 && p <= 1) {
			errs = append(errs, fmt.Errorf("Chaos.%s is no probability: %v", name, p))
		}
	}
	if c.MaxDelay < 0 {
		errs = append(errs, errors.New("Chaos.MaxDelay is negative"))
	}
	return errors.Join(errs...)
}

// dropKind says where in an attempt chaos strikes.
type dropKind int

const (
	dropNone dropKind = iota
	dropBefore
	dropAfter
)

// dice throws for a Chaos; a nil dice never misbehaves.
type dice struct {
	Chaos
	mu  sync.Mutex
	rng *rand.Rand
}

func newDice(c *Chaos) *dice {
	if c == nil {
		return nil
	}
	d := &dice{Chaos: *c, rng: rand.New(rand.NewPCG(c.Seed, c.Seed^0x9e3779b97f4a7c15))}
	d.MaxDelay = orDefault(d.MaxDelay, DefaultChaosDelay)
	return d
}

func (d *dice) throw(p float64) bool {
	if p <= 0 {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rng.Float64() < p
}

// fate is what chaos does with one new delivery.
type fate struct {
	lose, reorder bool
	copies        int
	delay         time.Duration
}

func (d *dice) fate() fate {
	if d == nil {
		return fate{copies: 1}
	}
	f := fate{copies: 1, lose: d.throw(d.Lose), reorder: d.throw(d.Reorder)}
	if d.throw(d.Duplicate) {
		f.copies++
	}
	if d.throw(d.Delay) {
		d.mu.Lock()
		f.delay = time.Duration(d.rng.Int64N(int64(d.MaxDelay)) + 1)
		d.mu.Unlock()
	}
	return f
}

// drop decides on one attempt.
func (d *dice) drop() dropKind {
	if d == nil || !d.throw(d.Drop) {
		return dropNone
	}
	if d.throw(0.5) {
		return dropBefore
	}
	return dropAfter
}
