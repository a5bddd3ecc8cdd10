package ledger

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/ledger/tickredis"
)

func coalescing(t *testing.T) (*redis.Client, *hook) {
	t.Helper()
	server, err := tickredis.Start()
	require.NoError(t, err)
	t.Cleanup(server.Close)
	options, err := redis.ParseURL(server.URL())
	require.NoError(t, err)
	client := redis.NewClient(options)
	t.Cleanup(func() { _ = client.Close() })
	h := &hook{}
	client.AddHook(h)
	return client, h
}

// hook counts pipelines and holds them up as long as it is shut.
type hook struct {
	pipelines atomic.Int32
	commands  atomic.Int32
	gate      chan struct{}
	fail      error
}

func (h *hook) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (h *hook) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (h *hook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if cmds[0].Name() != "get" {
			return next(ctx, cmds) // a connection that introduces itself
		}
		h.pipelines.Add(1)
		h.commands.Add(int32(len(cmds)))
		if h.gate != nil {
			<-h.gate
		}
		if h.fail != nil {
			return h.fail
		}
		return next(ctx, cmds)
	}
}

// allAboard waits until so many calls are held up at the gate or wait behind
// those: how many of them the first pipelines took is chance.
func (h *hook) allAboard(t *testing.T, c *coalescer, calls int) {
	t.Helper()
	require.Eventually(t, func() bool { return c.waitingNow()+int(h.commands.Load()) == calls }, 10*time.Second, 100*time.Microsecond)
}

func (c *coalescer) waitingNow() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.waiting)
}

func (c *coalescer) flyingNow() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.flying
}

// get asks for one key on the shared pipeline.
func get(ctx context.Context, c *coalescer, client *redis.Client, key string) (string, error) {
	var cmd *redis.StringCmd
	err := c.fly(ctx, client, &flight{size: 1, send: func(p redis.Pipeliner) { cmd = p.Get(ctx, key) }})
	if err != nil {
		return "", err
	}
	return cmd.Val(), cmd.Err()
}

func TestCallsThatGatherShareOnePipelineAndEachGetsItsOwnAnswer(t *testing.T) {
	client, h := coalescing(t)
	const callers = 40
	for i := range callers {
		require.NoError(t, client.Set(t.Context(), fmt.Sprint("k", i), i, 0).Err())
	}
	h.gate = make(chan struct{})
	var c coalescer
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() {
			got, err := get(context.Background(), &c, client, fmt.Sprint("k", i))
			if err != nil || got != strconv.Itoa(i) {
				t.Errorf("k%d: %q, %v", i, got, err)
			}
		})
	}
	h.allAboard(t, &c, callers)
	close(h.gate)
	group.Wait()
	require.LessOrEqual(t, int(h.pipelines.Load()), maxFlights+2)
	require.EqualValues(t, callers, h.commands.Load())
	require.Zero(t, c.flyingNow())
}

func TestACallerThatGivesUpHoldsNobodyUp(t *testing.T) {
	client, h := coalescing(t)
	require.NoError(t, client.Set(t.Context(), "k", "v", 0).Err())
	for round := range 50 {
		h.gate = make(chan struct{})
		before := int(h.commands.Load())
		var c coalescer
		var group sync.WaitGroup
		ctx, cancel := context.WithCancel(context.Background())
		for i := range 20 {
			mine := ctx
			if i%2 == 0 {
				mine = context.Background()
			}
			group.Go(func() {
				if _, err := get(mine, &c, client, "k"); err != nil && !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			})
		}
		h.allAboard(t, &c, before+20)
		go cancel() // at the same time as the gate opens
		close(h.gate)
		group.Wait()
		require.Zero(t, c.flyingNow(), "round %d", round)
		require.Zero(t, c.waitingNow(), "round %d", round)
		got, err := get(t.Context(), &c, client, "k")
		require.NoError(t, err)
		require.Equal(t, "v", got)
	}
}

func TestAPipelineThatFailsFailsAllThatWereAboard(t *testing.T) {
	client, h := coalescing(t)
	h.fail = errors.New("the wire was cut")
	var c coalescer
	_, err := get(t.Context(), &c, client, "k")
	require.ErrorIs(t, err, h.fail)
	require.Zero(t, c.flyingNow())
}

// TestAStormOfLargeAndSmallCallsLeavesNobodyBehind has callers of all sizes
// come and give up at random moments; in the end nobody waits and no lead is
// lost, so the next caller is served.
func TestAStormOfLargeAndSmallCallsLeavesNobodyBehind(t *testing.T) {
	client, h := coalescing(t)
	require.NoError(t, client.Set(t.Context(), "k", "v", 0).Err())
	sizes := []int{1, MaxBatch / 2, MaxBatch/2 + 1, MaxBatch}
	var c coalescer
	for round := range 30 {
		var group sync.WaitGroup
		for i := range 40 {
			group.Go(func() {
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				if i%5 == 0 {
					go cancel()
				}
				var cmd *redis.StringCmd
				err := c.fly(ctx, client, &flight{size: sizes[(i+round)%len(sizes)], send: func(p redis.Pipeliner) { cmd = p.Get(context.Background(), "k") }})
				if err == nil && cmd.Val() != "v" || err != nil && !errors.Is(err, context.Canceled) {
					t.Errorf("round %d, caller %d: %v", round, i, err)
				}
			})
		}
		group.Wait()
		require.Zero(t, c.waitingNow(), "round %d", round)
		require.Zero(t, c.flyingNow(), "round %d", round)
	}
	require.Greater(t, int(h.pipelines.Load()), 30)
}

// A lead that went to somebody who leads already would be lost, and when all
// are lost nobody is served any more.
func TestALeadGoesToSomebodyWhoDoesNotLead(t *testing.T) {
	var c coalescer
	first, second, third := &flight{size: 1}, &flight{size: 1}, &flight{size: 1}
	require.True(t, c.join(first))
	require.True(t, c.join(second))
	require.False(t, c.join(third))
	c.handOn()
	require.Empty(t, first.lead)
	require.Empty(t, second.lead)
	require.Len(t, third.lead, 1)
	c.handOn()
	require.Len(t, third.lead, 1)
	require.Equal(t, maxFlights-1, c.flyingNow(), "all that wait lead: one pipeline fewer is under way")
}

func TestWhoFindsNoRoomGoesWithTheNext(t *testing.T) {
	var c coalescer
	big := func() *flight { return &flight{size: MaxBatch} }
	first, second, leader := big(), big(), big()
	c.waiting = []*flight{first, second, leader}
	require.Equal(t, []*flight{leader}, c.board(leader), "a leader goes with its own pipeline")
	require.Equal(t, []*flight{first}, c.board(leader), "and one that has gone takes the next")
	require.Equal(t, []*flight{second}, c.waiting)
}
