package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	// worlds tell stories at the same time: most of a story is waiting.
	worlds = 6
	// tries bounds how often a story is told until it reaches its point: calls
	// that go on at the same time are numbered in the order in which they come.
	tries = 3
)

func TestEveryOutsideCall(t *testing.T) {
	t.Parallel()
	var all []*world
	for i := range worlds {
		all = append(all, newWorld(t, strconv.Itoa(i+1), nil))
	}
	plan := record(t, all)
	points := append(kills(plan), append(sample(plan), emptied(plan)...)...)
	require.Greater(t, len(points), minPoints, "the recorded stories made too few calls to be whole")
	points = chosen(t, points)
	results := disturbAll(t.Context(), all, points)
	t.Logf("%d calls, %d points\n%s", len(plan.sites), len(points), table(results))
	for _, p := range points {
		r, told := results[p]
		switch {
		case !told:
			t.Errorf("%s: no world was left to tell it", p)
		case r.err != nil:
			t.Errorf("%s: %v", p, r.err)
		case !r.reached:
			t.Errorf("%s: never reached in %d stories", p, tries)
		}
	}
}

// only lets a developer look into one thing: a regular expression of points.
var only = flag.String("points", "", "disturb only the points that this regular expression matches")

func chosen(t *testing.T, points []point) []point {
	t.Helper()
	pattern, err := regexp.Compile(*only)
	require.NoError(t, err)
	return slices.DeleteFunc(points, func(p point) bool { return !pattern.MatchString(p.String()) })
}

// minPoints guards against a plan that lost its way.
const minPoints = 120

// plan is what undisturbed stories call.
type plan struct {
	// sites in the order in which the first story made them.
	sites []string
	// cold are those that only a child makes that has just started.
	cold map[string]bool
}

// record tells undisturbed stories in every world, first to a child that has
// just started, then to one that has told one before. What every one of them
// calls is the plan; what only some do depends on who was quicker.
func record(t *testing.T, all []*world) plan {
	t.Helper()
	fresh, used := make([][]string, len(all)), make([][]string, len(all))
	errs := make([]error, len(all))
	var group sync.WaitGroup
	for i, w := range all {
		group.Go(func() {
			ctx := t.Context()
			// The first one teaches Redis the scripts.
			errs[i] = errors.Join(w.restart(), w.disturb(ctx, badRollout, nil).err, w.restart(), w.disturb(ctx, badRollout, nil).err)
			fresh[i] = w.control.seen()
			errs[i] = errors.Join(errs[i], w.disturb(ctx, badRollout, nil).err)
			used[i] = w.control.seen()
		})
	}
	group.Wait()
	require.NoError(t, errors.Join(errs...))
	p := plan{cold: map[string]bool{}}
	everSeen := map[string]bool{}
	for _, list := range append(slices.Clone(fresh), used...) {
		for _, site := range list {
			everSeen[site] = true
		}
	}
	for _, site := range fresh[0] {
		if inAll(fresh, site) {
			p.sites = append(p.sites, site)
			p.cold[site] = !inAll(used, site)
			delete(everSeen, site)
		}
	}
	t.Logf("calls that only some stories made, not planned: %s", strings.Join(slices.Sorted(maps.Keys(everSeen)), ", "))
	return p
}

func inAll(lists [][]string, site string) bool {
	for _, list := range lists {
		if !slices.Contains(list, site) {
			return false
		}
	}
	return true
}

func (p plan) point(site string, at moment) point {
	return point{plot: badRollout, site: site, at: at, cold: p.cold[site]}
}

// kills are all calls of the plan, before and after.
func kills(p plan) []point {
	var points []point
	for _, site := range p.sites {
		points = append(points, p.point(site, before), p.point(site, after))
	}
	return points
}

// decisive are the calls after which nothing is as it was.
var decisive = []string{"api execute PATCH", "publish ", "redis once plan", "redis start claim", "redis end claim", "redis begin inbox execute",
	"redis finish inbox execute", "redis settle claim", "redis once verdict"}

func isDecisive(site string) bool {
	return slices.ContainsFunc(decisive, func(d string) bool { return strings.HasPrefix(site, d) })
}

// sample is another story killed after its decisive calls.
func sample(p plan) []point {
	var points []point
	for _, site := range p.sites {
		if isDecisive(site) {
			k := p.point(site, after)
			k.plot = outOfMemory
			points = append(points, k)
		}
	}
	return points
}

// emptied are the points at which Redis forgets everything: after each phase,
// and around the decisive calls.
func emptied(p plan) []point {
	var points []point
	for _, site := range p.sites {
		if isDecisive(site) || strings.HasPrefix(site, "store append") || strings.HasPrefix(site, "redis advance") || strings.HasPrefix(site, "redis confirm") {
			k := p.point(site, after)
			k.empties = true
			points = append(points, k)
		}
	}
	return points
}

// disturbAll deals the points to the worlds. A world in which a story went
// wrong tells no more: what is left of it would disturb the next.
func disturbAll(ctx context.Context, all []*world, points []point) map[point]result {
	todo := make(chan point, len(points))
	for _, p := range points {
		todo <- p
	}
	close(todo)
	var mu sync.Mutex
	results := map[point]result{}
	var group sync.WaitGroup
	for _, w := range all {
		group.Go(func() {
			for p := range todo {
				r := w.disturb(ctx, p.plot, &p)
				for n := 1; n < tries && r.err == nil && !r.reached; n++ {
					r = w.disturb(ctx, p.plot, &p)
				}
				mu.Lock()
				results[p] = r
				mu.Unlock()
				if r.err != nil {
					return
				}
			}
		})
	}
	group.Wait()
	return results
}

// table lists the points by how long their story took to its end.
func table(results map[point]result) string {
	points := slices.SortedFunc(maps.Keys(results), func(a, b point) int { return int(results[b].took - results[a].took) })
	var b strings.Builder
	for _, p := range points {
		r := results[p]
		how := "ended well"
		if r.err != nil {
			how = "WENT WRONG"
		} else if !r.reached {
			how = "NOT REACHED"
		}
		fmt.Fprintf(&b, "%6d ms  %-11s  %s\n", r.took/time.Millisecond, how, p)
	}
	return b.String()
}
