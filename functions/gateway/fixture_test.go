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
	return &gateway{claims: w.claims(t), objects: w.cluster, outbox: w.broker,
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

// faultyClaims is the ledger with a world that may break each step. It embeds
// nothing: no call gets past the world.
type faultyClaims struct {
	to    *ledger.Ledger
	world *world
}

func (w *world) claims(t testing.TB) *faultyClaims {
	return &faultyClaims{to: w.redis.Ledger(t), world: w}
}

// stepped runs one call of the ledger as a step.
func stepped[T any](w *world, name string, call func() (T, error)) (out T, err error) {
	err = w.step(name, func() error { out, err = call(); return err })
	return out, err
}

func (f *faultyClaims) ReserveMany(ctx context.Context, a []ledger.Arrival) ([]ledger.Met, error) {
	return stepped(f.world, "reserve", func() ([]ledger.Met, error) { return f.to.ReserveMany(ctx, a) })
}

func (f *faultyClaims) Confirm(ctx context.Context, c ledger.Confirmation) error {
	return f.world.step("confirm", func() error { return f.to.Confirm(ctx, c) })
}

func (f *faultyClaims) JoinMany(ctx context.Context, a []ledger.Alert) ([]ledger.Join, error) {
	return stepped(f.world, "join", func() ([]ledger.Join, error) { return f.to.JoinMany(ctx, a) })
}

func (f *faultyClaims) ToldMany(ctx context.Context, a []ledger.Alert) error {
	return f.world.step("told", func() error { return f.to.ToldMany(ctx, a) })
}

func (f *faultyClaims) ExpectMany(ctx context.Context, e []ledger.Expiry) ([]bool, error) {
	return stepped(f.world, "expect", func() ([]bool, error) { return f.to.ExpectMany(ctx, e) })
}

func (f *faultyClaims) Report(ctx context.Context, r ledger.Report) (ledger.Episode, error) {
	return stepped(f.world, "report", func() (ledger.Episode, error) { return f.to.Report(ctx, r) })
}

func (f *faultyClaims) ReportTold(ctx context.Context, alert string, at time.Time) error {
	return f.world.step("report told", func() error { return f.to.ReportTold(ctx, alert, at) })
}

func (f *faultyClaims) Failing(ctx context.Context, alerts []string) ([]bool, error) {
	return stepped(f.world, "failing", func() ([]bool, error) { return f.to.Failing(ctx, alerts) })
}

func (f *faultyClaims) LeaseExpired(ctx context.Context, n int, lease time.Duration) ([]ledger.Leased, error) {
	return stepped(f.world, "lease", func() ([]ledger.Leased, error) { return f.to.LeaseExpired(ctx, n, lease) })
}

func (f *faultyClaims) StillLeased(ctx context.Context, item ledger.Leased) error {
	return f.world.step("still leased", func() error { return f.to.StillLeased(ctx, item) })
}

func (f *faultyClaims) ExpireAlert(ctx context.Context, id string, at time.Time) (r ledger.Resolution, found bool, err error) {
	err = f.world.step("expire", func() error { r, found, err = f.to.ExpireAlert(ctx, id, at); return err })
	return r, found, err
}

func (f *faultyClaims) Complete(ctx context.Context, item ledger.Leased) error {
	return f.world.step("complete", func() error { return f.to.Complete(ctx, item) })
}

func (f *faultyClaims) Postpone(ctx context.Context, item ledger.Leased, in time.Duration) error {
	return f.world.step("postpone", func() error { return f.to.Postpone(ctx, item, in) })
}

func (f *faultyClaims) Beat(ctx context.Context) error {
	return f.world.step("beat", func() error { return f.to.Beat(ctx) })
}

func (f *faultyClaims) Pulse(ctx context.Context, within time.Duration) (ledger.Pulse, error) {
	return stepped(f.world, "pulse", func() (ledger.Pulse, error) { return f.to.Pulse(ctx, within) })
}

func (f *faultyClaims) Calm(ctx context.Context, since time.Time) error {
	return f.world.step("calm", func() error { return f.to.Calm(ctx, since) })
}

func (f *faultyClaims) Mark(ctx context.Context, scan string) (time.Time, error) {
	return stepped(f.world, "mark "+scan, func() (time.Time, error) { return f.to.Mark(ctx, scan) })
}

func (f *faultyClaims) SetMark(ctx context.Context, scan string, at time.Time) error {
	return f.world.step("set mark "+scan, func() error { return f.to.SetMark(ctx, scan, at) })
}

func (f *faultyClaims) Get(ctx context.Context, fingerprint string) (ledger.Claim, error) {
	return stepped(f.world, "get", func() (ledger.Claim, error) { return f.to.Get(ctx, fingerprint) })
}

func (f *faultyClaims) ResolveAlert(ctx context.Context, id string, s, e time.Time) (r ledger.Resolution, found bool, err error) {
	err = f.world.step("resolve", func() error { r, found, err = f.to.ResolveAlert(ctx, id, s, e); return err })
	return r, found, err
}

func (f *faultyClaims) Cancel(ctx context.Context, fingerprint, remediation string, within time.Duration) (o ledger.CancelOutcome, c ledger.Claim, err error) {
	err = f.world.step("cancel", func() error { o, c, err = f.to.Cancel(ctx, fingerprint, remediation, within); return err })
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
