package pipeline_test

import (
	"context"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/kubernetes"

	"kubernaut.ai/local/simulation"
	"kubernaut.ai/local/system"
	"kubernaut.ai/shared/history"
	_ "kubernaut.ai/shared/history/sqlite"
	"kubernaut.ai/shared/stage"
	"kubernaut.ai/shared/timeline"
)

var update = flag.Bool("update", false, "write the golden timelines anew")

const (
	root = "../.."
	// patience bounds every wait: generous, since other packages' tests run at
	// the same time on few cores.
	patience  = 60 * time.Second
	pollEvery = 20 * time.Millisecond
	// atOnce is how many tests run at a time: more would only push each other
	// over the time limits that the stages set themselves.
	atOnce = 4
	// stopWithin bounds an orderly stop.
	stopWithin = 20 * time.Second
	// stabilization is enough for a rollout to end in the simulation.
	stabilization = 1500 * time.Millisecond
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	flag.Parse()
	// What runs at once here waits more than it computes.
	if err := flag.Set("test.parallel", strconv.Itoa(atOnce)); err != nil {
		panic(err)
	}
	zerolog.SetGlobalLevel(zerolog.Disabled) // func-go's own, which has no other switch
	closeMetrics, err := system.ExposeMetrics()
	if err != nil {
		panic(err)
	}
	defer closeMetrics()
	return m.Run()
}

// bed is a running system with clients of its cluster and its Redis.
type bed struct {
	*system.System
	dir   string
	kube  kubernetes.Interface
	redis *redis.Client
}

func start(t *testing.T, o system.Options) *bed {
	t.Helper()
	o.Root, o.Dir, o.LogLevel = root, t.TempDir(), "info"
	if o.Stabilization == 0 {
		o.Stabilization = stabilization
	}
	// On a machine so busy that a call to Redis times out, its lease must not
	// hold a test up for as long as it holds up a redelivery.
	settings := map[string]string{stage.EnvInboxLease: "3s"}
	maps.Copy(settings, o.Settings)
	o.Settings = settings
	s, err := system.Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
		defer cancel()
		require.NoError(t, s.Close(ctx))
		if t.Failed() && os.Getenv("KEEP_LOGS") != "" {
			text, err := os.ReadFile(filepath.Join(o.Dir, "functions.log"))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(os.Getenv("KEEP_LOGS"), text, 0o600))
		}
	})
	kube, err := kubernetes.NewForConfig(s.Cluster().RESTConfig())
	require.NoError(t, err)
	options, err := redis.ParseURL(s.Redis().URL())
	require.NoError(t, err)
	client := redis.NewClient(options)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return &bed{System: s, dir: o.Dir, kube: kube, redis: client}
}

// until waits for a condition of something that has no way to tell of a
// change. The state is what a failure shows.
func until(t *testing.T, what string, condition func() (done bool, state any)) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		done, state := condition()
		if done {
			return
		}
		select {
		case <-deadline.C:
			require.FailNow(t, "did not happen: "+what, "%+v", state)
		case <-t.Context().Done():
			require.FailNow(t, "test ended before: "+what)
		case <-tick.C:
		}
	}
}

// idle waits until the Broker has nothing to deliver.
func (b *bed) idle(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, b.Broker().Idle(ctx))
}

// view is a remediation as people see it; empty while history has nothing.
func (b *bed) view(t *testing.T, id string) timeline.View {
	t.Helper()
	entries, err := b.History().Timeline(t.Context(), id)
	require.NoError(t, err)
	if len(entries) == 0 {
		return timeline.View{}
	}
	v, err := timeline.Of(entries)
	require.NoError(t, err)
	return v
}

// ended waits for the end of a remediation.
func (b *bed) ended(t *testing.T, id string) (v timeline.View) {
	t.Helper()
	until(t, "end of "+id, func() (bool, any) {
		v = b.view(t, id)
		entries, err := b.History().Timeline(t.Context(), id)
		require.NoError(t, err)
		return v.Ended && timeline.Whole(entries), v.Timeline
	})
	return b.view(t, id)
}

// held waits until a person is asked.
func (b *bed) held(t *testing.T, id string) (v timeline.View) {
	t.Helper()
	until(t, "hold of "+id, func() (bool, any) { v = b.view(t, id); return v.Held != nil, v.Timeline })
	return v
}

// entry waits for a remediation's latest event of a type.
func (b *bed) entry(t *testing.T, id, eventType string) (e history.Entry) {
	t.Helper()
	until(t, eventType+" of "+id, func() (bool, any) {
		var err error
		e, err = b.History().Last(t.Context(), id, eventType)
		return err == nil, err
	})
	return e
}

// mutations are the writes of Kubernaut to a namespace's objects; of all that
// it does, these are what can harm.
func (b *bed) mutations(namespace string) []simulation.Mutation {
	return slices.DeleteFunc(b.Cluster().Mutations(), func(m simulation.Mutation) bool { return m.Namespace != namespace })
}
