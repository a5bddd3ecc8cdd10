package function

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"knative.dev/pkg/logging"

	"kubernaut.ai/functions/gateway/caller"
	"kubernaut.ai/functions/gateway/scan"
	"kubernaut.ai/functions/gateway/source"
	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/ledger/ledgertest"
	"kubernaut.ai/shared/signal"
	"kubernaut.ai/shared/stage"
)

// world is what gateways share: Redis, the cluster, the Broker.
type world struct {
	redis   ledgertest.Embedded
	cluster *fakeObjects
	broker  *fakeBroker

	mu      sync.Mutex
	offset  time.Duration
	dropped []string
	// heartbeatWithin and scans are settings of every gateway.
	heartbeatWithin time.Duration
	scans           []scan.Scan
	// outage keeps the world from looking as if rounds had been made until now.
	outage bool
	// fault fails a step before or after it took effect.
	fault func(step string, after bool) error
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{redis: ledgertest.Miniredis(t), broker: &fakeBroker{}}
	w.cluster = &fakeObjects{world: w, chains: map[string][]event.Target{}, scopes: map[string]cluster.Scope{}, addresses: map[string]string{},
		kinds: map[string][]cluster.Kind{"certificate": {{Group: "cert-manager.io", Version: "v1", Kind: "Certificate", Namespaced: true}}}}
	w.cluster.own("shop/Deployment/cart", "shop/Pod/cart-6d5f7c9b8d-x2x4q", "shop/Pod/cart-6d5f7c9b8d-p9k7m", "shop/Pod/cart-1")
	w.cluster.own("/Node/worker-2.example.internal")
	w.cluster.addresses["10.0.0.33"] = "worker-2.example.internal"
	w.broker.world = w
	return w
}

// gateway starts one more instance, which remembers nothing.
func (w *world) gateway(t testing.TB) *gateway {
	t.Helper()
	meters, err := newMeters()
	require.NoError(t, err)
	heart, err := openHeart(w.heartbeatWithin, "", "kubernaut-system")
	require.NoError(t, err)
	if !w.outage {
		_ = w.redis.Ledger(t).SetMark(t.Context(), markRound, w.now())
	}
	return &gateway{claims: &faultyClaims{claims: w.redis.Ledger(t), world: w}, objects: w.cluster, outbox: w.broker,
		drop: w.drop, rules: signal.NewRules(), cluster: "east", within: 10 * time.Minute, lease: publishLease, now: w.now,
		expiryLease: expiryLease, heart: heart, scans: w.scans, expected: newRecent[string, expected](expectedSize),
		joined: newRecent[string, join](joinedSize), suppressed: newSuppressor(), meters: meters}
}

func (w *world) drop(_ context.Context, reason, _ string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dropped = append(w.dropped, reason)
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC).Add(w.offset)
}

// elapse lets time go by for all.
func (w *world) elapse(d time.Duration) {
	w.mu.Lock()
	w.offset += d
	w.mu.Unlock()
	w.redis.Advance(d)
}

// step runs one step, which the world may break.
func (w *world) step(name string, do func() error) error {
	w.mu.Lock()
	fault := w.fault
	w.mu.Unlock()
	if fault != nil {
		if err := fault(name, false); err != nil {
			return err
		}
	}
	err := do()
	if err == nil && fault != nil {
		err = fault(name, true)
	}
	return err
}

var errDied = errors.New("died here")

// breakAt breaks the first call of a step.
func (w *world) breakAt(name string, after bool) {
	var once sync.Once
	w.fault = func(step string, late bool) (err error) {
		if step == name && late == after {
			once.Do(func() { err = errDied })
		}
		return err
	}
}

// faultyClaims is the ledger with a world that may break each step.
type faultyClaims struct {
	claims
	world *world
}

func (f *faultyClaims) ReserveMany(ctx context.Context, a []ledger.Arrival) (met []ledger.Met, err error) {
	err = f.world.step("reserve", func() error { met, err = f.claims.ReserveMany(ctx, a); return err })
	return met, err
}

func (f *faultyClaims) Confirm(ctx context.Context, c ledger.Confirmation) error {
	return f.world.step("confirm", func() error { return f.claims.Confirm(ctx, c) })
}

func (f *faultyClaims) JoinMany(ctx context.Context, a []ledger.Alert) (joins []ledger.Join, err error) {
	err = f.world.step("join", func() error { joins, err = f.claims.JoinMany(ctx, a); return err })
	return joins, err
}

func (f *faultyClaims) ToldMany(ctx context.Context, a []ledger.Alert) error {
	return f.world.step("told", func() error { return f.claims.ToldMany(ctx, a) })
}

func (f *faultyClaims) ExpectMany(ctx context.Context, e []ledger.Expiry) (noted []bool, err error) {
	err = f.world.step("expect", func() error { noted, err = f.claims.ExpectMany(ctx, e); return err })
	return noted, err
}

func (f *faultyClaims) LeaseExpired(ctx context.Context, n int, lease time.Duration) (items []ledger.Leased, err error) {
	err = f.world.step("lease", func() error { items, err = f.claims.LeaseExpired(ctx, n, lease); return err })
	return items, err
}

func (f *faultyClaims) StillLeased(ctx context.Context, item ledger.Leased) error {
	return f.world.step("still leased", func() error { return f.claims.StillLeased(ctx, item) })
}

func (f *faultyClaims) ExpireAlert(ctx context.Context, id string, at time.Time) (r ledger.Resolution, found bool, err error) {
	err = f.world.step("expire", func() error { r, found, err = f.claims.ExpireAlert(ctx, id, at); return err })
	return r, found, err
}

func (f *faultyClaims) Complete(ctx context.Context, item ledger.Leased) error {
	return f.world.step("complete", func() error { return f.claims.Complete(ctx, item) })
}

func (f *faultyClaims) Beat(ctx context.Context) error {
	return f.world.step("beat", func() error { return f.claims.Beat(ctx) })
}

func (f *faultyClaims) Pulse(ctx context.Context, within time.Duration) (p ledger.Pulse, err error) {
	err = f.world.step("pulse", func() error { p, err = f.claims.Pulse(ctx, within); return err })
	return p, err
}

func (f *faultyClaims) Calm(ctx context.Context, since time.Time) error {
	return f.world.step("calm", func() error { return f.claims.Calm(ctx, since) })
}

func (f *faultyClaims) ResolveAlert(ctx context.Context, id string, s, e time.Time) (r ledger.Resolution, found bool, err error) {
	err = f.world.step("resolve", func() error { r, found, err = f.claims.ResolveAlert(ctx, id, s, e); return err })
	return r, found, err
}

func (f *faultyClaims) Cancel(ctx context.Context, fingerprint, remediation string) (o ledger.CancelOutcome, c ledger.Claim, err error) {
	err = f.world.step("cancel", func() error { o, c, err = f.claims.Cancel(ctx, fingerprint, remediation); return err })
	return o, c, err
}

// fakeBroker keeps what was published, by event id.
type fakeBroker struct {
	world *world
	mu    sync.Mutex
	sent  []event.Draft
}

func (b *fakeBroker) Send(_ context.Context, d event.Draft) ([]byte, error) {
	return []byte(`{"id":"` + d.Cause + `"}`), b.world.step("publish "+event.ShortType(d.Type), func() error {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.sent = append(b.sent, d)
		return nil
	})
}

// of lists what was published of a type, each event id once.
func (b *fakeBroker) of(eventType string) []event.Draft {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []event.Draft
	seen := map[string]bool{}
	for _, d := range b.sent {
		id := event.ID(d.Cause, d.Type, d.Index)
		if d.Type == eventType && !seen[id] {
			seen[id] = true
			out = append(out, d)
		}
	}
	return out
}

// section finds a section of a draft.
func section[T any](t testing.TB, d event.Draft, name string) T {
	t.Helper()
	for _, s := range d.Sections {
		if s.Name == name {
			return s.Value.(T)
		}
	}
	require.Fail(t, "no section "+name)
	panic("unreachable")
}

// fakeObjects is a cluster of owner chains, by targets as subjects write them.
type fakeObjects struct {
	world     *world
	mu        sync.Mutex
	chains    map[string][]event.Target
	scopes    map[string]cluster.Scope
	denied    map[string]bool
	addresses map[string]string
	kinds     map[string][]cluster.Kind
}

func parseTarget(s string) event.Target {
	p := strings.Split(s, "/")
	return event.Target{Namespace: p[0], Kind: p[1], Name: p[2]}
}

// own puts a managed top owner, with what it owns, into the cluster.
func (f *fakeObjects) own(top string, owned ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.chains[top] = []event.Target{parseTarget(top)}
	f.scopes[top] = cluster.Scope{Managed: true, Reason: cluster.ScopeNamespaceIn}
	for _, o := range owned {
		f.chains[o] = []event.Target{parseTarget(o), parseTarget(top)}
	}
}

func (f *fakeObjects) remove(target string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.chains, target)
}

func (f *fakeObjects) Owners(_ context.Context, t event.Target) (chain []event.Target, err error) {
	err = f.world.step("owners", func() error {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.denied[t.String()] {
			return fmt.Errorf("%w: %s", cluster.ErrForbidden, t)
		}
		var ok bool
		if chain, ok = f.chains[t.String()]; !ok {
			return fmt.Errorf("%w: %s", cluster.ErrGone, t)
		}
		return nil
	})
	return chain, err
}

func (f *fakeObjects) Scope(_ context.Context, t event.Target) (s cluster.Scope, err error) {
	err = f.world.step("scope", func() error {
		f.mu.Lock()
		defer f.mu.Unlock()
		s = f.scopes[t.String()]
		return nil
	})
	return s, err
}

func (f *fakeObjects) KindsByWord(_ context.Context, word string) (kinds []cluster.Kind, err error) {
	err = f.world.step("discover", func() error { kinds = f.kinds[word]; return nil })
	return kinds, err
}

func (f *fakeObjects) NodeByAddress(_ context.Context, address string) (t event.Target, err error) {
	err = f.world.step("address", func() error {
		name, ok := f.addresses[address]
		if !ok {
			return cluster.ErrGone
		}
		t = event.Target{Kind: "Node", Name: name}
		return nil
	})
	return t, err
}

// prometheusPath is where Alertmanager posts to.
const prometheusPath = "/api/v1/signals/prometheus"

// sources are all that were registered, with default settings.
func sources(t testing.TB) []source.Source {
	t.Helper()
	all, err := source.Open(stage.NewConfig(nil))
	require.NoError(t, err)
	return all
}

// posted is what a sender got back.
type reply struct {
	code   int
	header http.Header
	answer Answer
	raw    string
}

func post(t testing.TB, g *gateway, body string) reply {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, prometheusPath, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return do(t, g, r)
}

func do(t testing.TB, g *gateway, r *http.Request) reply {
	t.Helper()
	w := httptest.NewRecorder()
	quiet := logging.WithLogger(r.Context(), zap.NewNop().Sugar())
	newHandler(g, openGate(t), sources(t)).ServeHTTP(w, r.WithContext(quiet))
	out := reply{code: w.Code, header: w.Header(), raw: w.Body.String()}
	_ = json.Unmarshal(w.Body.Bytes(), &out.answer)
	return out
}

// openGate lets everybody in.
func openGate(t testing.TB) *gate {
	t.Helper()
	return gateFor(t, caller.Options{Kinds: []string{caller.KindNone}}, defaultLimits())
}

func gateFor(t testing.TB, o caller.Options, l limits) *gate {
	t.Helper()
	guard, err := caller.New(o)
	require.NoError(t, err)
	return newGate(guard, l)
}

func sample(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name + ".json")
	require.NoError(t, err)
	return string(b)
}

// alert is one alert as Alertmanager writes it; labels are key, value, ...
func alert(status string, labels ...string) string {
	m := map[string]string{"alertname": "KubePodCrashLooping", "severity": "warning"}
	for i := 0; i+1 < len(labels); i += 2 {
		m[labels[i]] = labels[i+1]
	}
	b, _ := json.Marshal(m)
	ends := "0001-01-01T00:00:00Z"
	if status == "resolved" {
		ends = "2026-11-22T03:50:00Z"
	}
	return fmt.Sprintf(`{"status":%q,"labels":%s,"annotations":{"summary":"s"},"startsAt":"2026-11-22T03:40:12.345Z","endsAt":%q}`, status, b, ends)
}

func body(alerts ...string) string {
	return `{"version":"4","receiver":"kubernaut","groupKey":"{}:{}","alerts":[` + strings.Join(alerts, ",") + `]}`
}

func firing(pod string) string { return alert("firing", "namespace", "shop", "pod", pod) }
