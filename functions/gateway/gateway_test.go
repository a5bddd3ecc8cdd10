package function

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/signal"
)

func TestWhatBecomesOfOneAlert(t *testing.T) {
	tests := map[string]struct {
		body           string
		code           int
		status, reason string
		target         string
	}{
		"an alert on a managed pod opens a remediation of its Deployment": {body: body(firing("cart-1")), code: 201, status: StatusCreated, target: "shop/Deployment/cart"},
		"a pod that is gone is dropped":                                   {body: body(firing("gone")), code: 200, status: StatusIgnored, reason: ReasonTargetGone, target: "shop/Pod/gone"},
		"a workload that nobody opted in is dropped": {body: body(alert("firing", "namespace", "shop", "deployment", "wild")), code: 200,
			status: StatusIgnored, reason: ReasonNotManaged, target: "shop/Deployment/wild"},
		"an alert without a target is not malformed": {body: body(alert("firing", "job", "x")), code: 200, status: StatusIgnored, reason: signal.ReasonNoTarget},
		"an alert on the monitoring is dropped":      {body: body(alert("firing", "pod", "kube-state-metrics-0")), code: 200, status: StatusIgnored, reason: signal.ReasonMonitoring},
		"another cluster's alert is not ours":        {body: body(alert("firing", "namespace", "shop", "pod", "cart-1", "cluster", "west")), code: 200, status: StatusIgnored, reason: signal.ReasonOtherCluster},
		"a candidate that exists beats one that does not": {body: body(alert("firing", "namespace", "shop", "statefulset", "gone", "pod", "cart-1")), code: 201,
			status: StatusCreated, target: "shop/Deployment/cart"},
		"an object that may not be read may not be touched": {body: body(alert("firing", "namespace", "shop", "certificate", "private")), code: 200,
			status: StatusIgnored, reason: ReasonForbidden, target: "shop/Certificate.cert-manager.io/private"},
		"a label of a discovered kind names its object": {body: body(alert("firing", "namespace", "shop", "certificate", "tls", "team", "x", "widget", "y")), code: 201,
			status: StatusCreated, target: "shop/Certificate.cert-manager.io/tls"},
		"a node that kube-state-metrics reports on is found by its label": {body: sample(t, "firing_node_seen_by_kube_state_metrics"), code: 201, status: StatusCreated, target: "/Node/worker-2.example.internal"},
		"a node that node-exporter reports on is found by its address":    {body: sample(t, "firing_node_by_instance_address"), code: 201, status: StatusCreated, target: "/Node/worker-2.example.internal"},
		"the watchdog is a heartbeat":                                     {body: sample(t, "watchdog"), code: 200, status: StatusIgnored, reason: signal.ReasonHeartbeat},
		"a resolved alert that joined nothing opens nothing":              {body: body(alert("resolved", "namespace", "shop", "pod", "cart-1")), code: 200, status: StatusIgnored, reason: ReasonNotJoined},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.cluster.own("shop/Deployment/wild")
			w.cluster.scopes["shop/Deployment/wild"] = cluster.Scope{Reason: cluster.ScopeUnlabelled}
			w.cluster.own("shop/Certificate.cert-manager.io/tls")
			w.cluster.denied = map[string]bool{"shop/Certificate.cert-manager.io/private": true}
			got := post(t, w.gateway(t), test.body)
			require.Equal(t, test.code, got.code, got.raw)
			require.Len(t, got.answer.Results, 1)
			r := got.answer.Results[0]
			require.Equal(t, []string{test.status, test.reason, test.target}, []string{r.Status, r.Reason, r.Target})
			received, suppressed := w.broker.of(event.SignalReceived), w.broker.of(event.SignalSuppressed)
			if test.status == StatusCreated {
				require.Len(t, received, 1)
				require.Empty(t, suppressed)
				require.Equal(t, r.RemediationID, received[0].Correlation)
				return
			}
			require.Empty(t, received)
			require.Len(t, suppressed, 1, "nothing is dropped silently")
			require.Equal(t, test.reason, section[event.Suppression](t, suppressed[0], event.SectionSuppression).Reason)
			require.Equal(t, []string{test.reason}, w.dropped)
		})
	}
}

func TestTwoPodsOfOneDeploymentAreOneRemediation(t *testing.T) {
	w := newWorld(t)
	g := w.gateway(t)
	got := post(t, g, sample(t, "firing_two_pods_of_one_deployment"))
	require.Equal(t, http.StatusMultiStatus, got.code, got.raw)
	require.Equal(t, Summary{Received: 2, Created: 1, Duplicate: 1}, got.answer.Summary)
	require.Equal(t, got.answer.Results[0].RemediationID, got.answer.Results[1].RemediationID)

	received := w.broker.of(event.SignalReceived)
	require.Len(t, received, 1)
	s := section[event.Signal](t, received[0], event.SectionSignal)
	require.Equal(t, "KubePodCrashLooping", s.Name)
	require.Equal(t, "medium", s.Severity)
	require.Equal(t, "warning", s.SenderSeverity)
	require.Equal(t, "shop/Deployment/cart", s.Target.String())
	require.Equal(t, "Pod", s.Resource.Kind)
	require.Equal(t, "cart", s.Container)
	require.Equal(t, "kubernaut", s.Receiver)
	require.NotEmpty(t, s.Group)

	again := post(t, g, sample(t, "firing_two_pods_of_one_deployment"))
	require.Equal(t, Summary{Received: 2, Duplicate: 2}, again.answer.Summary)
	require.Len(t, w.broker.of(event.SignalReceived), 1)
}

// TestManyAlertsThatStopAreNotAsManyEvents has the alerts of one workload stop
// one after the other, as after a storm: what the assessment needs is the last.
func TestManyAlertsThatStopAreNotAsManyEvents(t *testing.T) {
	w := newWorld(t)
	g := w.gateway(t)
	const alerts = 20
	about := func(status string, n int) string {
		return body(alert(status, "namespace", "shop", "deployment", "cart", "container", fmt.Sprint(n)))
	}
	for n := range alerts {
		post(t, g, about("firing", n))
	}
	for n := range alerts {
		answer := post(t, g, about("resolved", n)).answer
		require.Equal(t, 1, answer.Summary.Resolved, "%+v", answer)
		require.NotEmpty(t, answer.Results[0].RemediationID)
	}
	var stillFiring []int
	for _, d := range w.broker.of(event.SignalResolved) {
		stillFiring = append(stillFiring, section[event.Resolution](t, d, event.SectionResolution).StillFiring)
	}
	require.Equal(t, []int{alerts - 1, 0}, stillFiring, "the first, and the last")
}

func TestWhoNamesNoClusterMeansThisOne(t *testing.T) {
	w := newWorld(t)
	g := w.gateway(t)
	named := post(t, g, body(alert("firing", "namespace", "shop", "pod", "cart-1", "cluster", "east"))).answer.Results[0]
	unnamed := post(t, g, body(firing("cart-1"))).answer.Results[0]
	require.Equal(t, StatusDuplicate, unnamed.Status)
	require.Equal(t, named.RemediationID, unnamed.RemediationID, "one workload, one remediation")
	require.Equal(t, 1, post(t, g, body(alert("resolved", "namespace", "shop", "pod", "cart-1"))).answer.Summary.Resolved)
}

func TestResolvedAlertsReachTheirRemediation(t *testing.T) {
	w := newWorld(t)
	g := w.gateway(t)
	opened := post(t, g, sample(t, "firing_two_pods_of_one_deployment"))
	remediation := opened.answer.Results[0].RemediationID
	w.cluster.remove("shop/Pod/cart-6d5f7c9b8d-x2x4q")
	w.cluster.remove("shop/Pod/cart-6d5f7c9b8d-p9k7m")

	one := post(t, w.gateway(t), sample(t, "one_of_two_resolved"))
	require.Equal(t, 1, one.answer.Summary.Resolved, one.raw)
	require.Contains(t, one.raw, ReasonStillFiring)
	resolved := w.broker.of(event.SignalResolved)
	require.Len(t, resolved, 1)
	require.False(t, section[event.Resolution](t, resolved[0], event.SectionResolution).Cancelled)
	require.Equal(t, 1, section[event.Resolution](t, resolved[0], event.SectionResolution).StillFiring)

	all := post(t, w.gateway(t), sample(t, "all_resolved"))
	require.Contains(t, all.raw, `"reason":"cancelled"`, all.raw)
	resolved = w.broker.of(event.SignalResolved)
	require.Len(t, resolved, 3, "this sender moved the end of the first: another end, another event")
	// The two are told at the same time: which is published last is not said.
	at := slices.IndexFunc(resolved[1:], func(d event.Draft) bool {
		return section[event.Resolution](t, d, event.SectionResolution).Cancelled
	})
	require.GreaterOrEqual(t, at, 0, "one of the two was the last that fired")
	last := resolved[1+at]
	require.Equal(t, remediation, section[event.Remediation](t, last, event.SectionRemediation).ID)
	require.False(t, section[event.Remediation](t, last, event.SectionRemediation).OpenedAt.IsZero())
	require.Len(t, w.broker.of(event.SignalReceived), 1, "a resolve never opens a remediation")
}

func TestAResolveAfterExecutionStartedIsEvidenceAndNoCancel(t *testing.T) {
	w := newWorld(t)
	opened := post(t, w.gateway(t), body(firing("cart-1"))).answer.Results[0]
	start, err := w.redis.Ledger(t).StartExecution(t.Context(), ledger.ExecutionStart{Fingerprint: opened.Fingerprint,
		Remediation: opened.RemediationID, Step: "1", Lease: time.Minute})
	require.NoError(t, err)
	require.Equal(t, ledger.Acquired, start.Outcome)
	got := post(t, w.gateway(t), body(alert("resolved", "namespace", "shop", "pod", "cart-1")))
	require.Equal(t, 200, got.code)
	require.Equal(t, ReasonAfterStart, got.answer.Results[0].Reason)
	require.False(t, section[event.Resolution](t, w.broker.of(event.SignalResolved)[0], event.SectionResolution).Cancelled)
}

// TestATargetWhoseCancellingEventWasLostIsFreeAfterOneTurn has the Broker lose
// the event by which a held remediation would have been settled.
func TestATargetWhoseCancellingEventWasLostIsFreeAfterOneTurn(t *testing.T) {
	for name, heldFirst := range map[string]bool{
		"it was held before its alert stopped": true, "it was held after its alert stopped, by a stage that was at it": false,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			g, l := w.gateway(t), w.redis.Ledger(t)
			opened := post(t, g, body(firing("cart-1"))).answer.Results[0]
			held := func() {
				require.NoError(t, l.Advance(t.Context(), ledger.Advance{Fingerprint: opened.Fingerprint, Remediation: opened.RemediationID,
					Phase: event.ShortType(event.RemediationHeld), Within: time.Hour + 10*time.Minute}))
			}
			stops := func() {
				got := post(t, g, body(alert("resolved", "namespace", "shop", "pod", "cart-1")))
				require.Equal(t, ReasonCancelled, got.answer.Results[0].Reason)
			}
			if heldFirst {
				held()
			}
			stops()
			if !heldFirst {
				held()
			}
			w.elapse(g.within - time.Minute)
			stops() // its sender repeats itself: that wins no time
			require.Contains(t, post(t, g, body(firing("cart-1"))).raw, ReasonCancelling)
			w.elapse(2 * time.Minute)
			next := post(t, g, body(firing("cart-1")))
			require.Equal(t, 201, next.code, next.raw)
			require.NotEqual(t, opened.RemediationID, next.answer.Results[0].RemediationID)

			// What comes late of the one before finds another at its place.
			start := ledger.ExecutionStart{Fingerprint: opened.Fingerprint, Remediation: opened.RemediationID, Step: "1", Lease: time.Minute}
			_, err := l.StartExecution(t.Context(), start)
			require.ErrorIs(t, err, ledger.ErrNotHolder)
			require.ErrorIs(t, l.Settle(t.Context(), ledger.Settlement{Fingerprint: opened.Fingerprint, Remediation: opened.RemediationID,
				Outcome: event.OutcomeCancelled}), ledger.ErrNotHolder)
			claim, err := l.Get(t.Context(), opened.Fingerprint)
			require.NoError(t, err)
			require.Equal(t, []any{next.answer.Results[0].RemediationID, true, false}, []any{claim.Remediation, claim.Live(), claim.Cancelled})
		})
	}
}

func TestAlertsDuringTheCooldownAreCounted(t *testing.T) {
	w := newWorld(t)
	g := w.gateway(t)
	opened := post(t, g, body(firing("cart-1"))).answer.Results[0]
	l := w.redis.Ledger(t)
	require.NoError(t, l.Settle(t.Context(), ledger.Settlement{Fingerprint: opened.Fingerprint,
		Remediation: opened.RemediationID, Outcome: event.OutcomeHealed, Cooldown: time.Minute}))
	got := post(t, g, body(firing("cart-1")))
	require.Equal(t, 202, got.code)
	require.Equal(t, ReasonCoolingDown, got.answer.Results[0].Reason)
	require.Equal(t, opened.RemediationID, got.answer.Results[0].RemediationID)
	w.elapse(2 * time.Minute)
	next := post(t, g, body(firing("cart-1")))
	require.Equal(t, 201, next.code)
	require.NotEqual(t, opened.RemediationID, next.answer.Results[0].RemediationID)
	list, err := l.Alerts(t.Context(), opened.Fingerprint, next.answer.Results[0].RemediationID)
	require.NoError(t, err)
	require.Len(t, list.Alerts, 1, "what was remembered of the one before does not join the alert to it")
}

func TestAHundredAtOnceAreOneRemediation(t *testing.T) {
	for _, instances := range []int{1, 10} {
		t.Run(fmt.Sprintf("on %d instances", instances), func(t *testing.T) {
			w := newWorld(t)
			gateways := make([]*gateway, instances)
			for i := range gateways {
				gateways[i] = w.gateway(t)
			}
			var all sync.WaitGroup
			codes := make([]int, 100)
			for i := range codes {
				all.Go(func() {
					// A sender posts again what the gateway had no time for.
					for codes[i] == 0 || codes[i] == http.StatusServiceUnavailable {
						codes[i] = post(t, gateways[i%instances], body(firing("cart-1"))).code
					}
				})
			}
			all.Wait()
			counts := map[int]int{}
			for _, c := range codes {
				counts[c]++
			}
			require.Equal(t, map[int]int{201: 1, 202: 99}, counts)
			require.Len(t, w.broker.of(event.SignalReceived), 1)
			claim, err := w.redis.Ledger(t).Get(t.Context(), section[event.Remediation](t,
				w.broker.of(event.SignalReceived)[0], event.SectionRemediation).Fingerprint)
			require.NoError(t, err)
			require.EqualValues(t, 99, claim.Duplicates)
		})
	}
}

func TestAnAlertNamedTwiceInOneRequestCountsOnce(t *testing.T) {
	w := newWorld(t)
	got := post(t, w.gateway(t), body(firing("cart-1"), firing("cart-1"), firing("cart-1")))
	require.Equal(t, Summary{Received: 3, Created: 1, Duplicate: 2}, got.answer.Summary)
	claim, err := w.redis.Ledger(t).Get(t.Context(), got.answer.Results[0].Fingerprint)
	require.NoError(t, err)
	require.Zero(t, claim.Duplicates)
}

func TestDuplicatesAreReportedAtABoundedRate(t *testing.T) {
	w := newWorld(t)
	g := w.gateway(t)
	post(t, g, body(firing("cart-1")))
	for range 10 {
		require.Equal(t, 202, post(t, g, body(firing("cart-1"))).code)
	}
	require.Len(t, w.broker.of(event.SignalSuppressed), 1)
	w.elapse(time.Minute)
	post(t, g, body(firing("cart-1")))
	suppressed := w.broker.of(event.SignalSuppressed)
	require.Len(t, suppressed, 2)
	s := section[event.Suppression](t, suppressed[1], event.SectionSuppression)
	require.EqualValues(t, 10, s.Count, "nine that went without an event, and this one")
	require.NotEmpty(t, s.Holder)
	require.Equal(t, ReasonDuplicate, s.Reason)
}
