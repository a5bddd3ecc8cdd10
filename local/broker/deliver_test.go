package broker

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"knative.dev/eventing/pkg/apis/feature"
)

const patient = "{retry: 3, backoffPolicy: exponential, backoffDelay: PT1S, timeout: PT60S, " + sinkRef + "}"

func TestRepliesGoBackThroughTheBroker(t *testing.T) {
	const next = "ai.kubernaut.signal.enriched.v1"
	b := newBed(t, docs(brokerYAML, triggerYAML("enrich", takesReceived, ""), triggerYAML("classify", "[{exact: {type: "+next+"}}]", "")),
		nil, "enrich", "classify")
	b.stages["enrich"].answer = replies(next)
	b.send(map[string]string{"Ce-Correlationid": "rem-1", "Ce-Subject": "a/b/c"}, "{}")
	b.settle()
	got := b.stages["classify"].all()
	require.Len(t, got, 1)
	require.Equal(t, "id-1+", got[0].header.Get("Ce-Id"))
	require.Equal(t, `{"reply" : true}`, string(got[0].body))
	require.Empty(t, got[0].header.Get("Ce-Correlationid"), "a reply inherits nothing")
	require.Empty(t, got[0].header.Get("Ce-Subject"))
}

func TestWhatIsRetriedAndWhatIsNot(t *testing.T) {
	tests := []struct {
		name     string
		status   int
		attempts int
	}{
		{"404 is retried: a pod may be getting ready", 404, 4},
		{"408 is retried", 408, 4},
		{"409 is retried", 409, 4},
		{"429 is retried", 429, 4},
		{"500 is retried", 500, 4},
		{"503 is retried", 503, 4},
		{"599 is retried", 599, 4},
		{"400 is a dead letter at once", 400, 1},
		{"401 is a dead letter at once", 401, 1},
		{"413 is a dead letter at once", 413, 1},
		{"422 is a dead letter at once", 422, 1},
		{"304 is a dead letter at once", 304, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBed(t, docs(brokerYAML, triggerYAML("enrich", takesReceived, patient)), nil, "enrich")
			b.stages["enrich"].answer = func(_ int, w http.ResponseWriter, _ received) { w.WriteHeader(tt.status) }
			b.send(nil, "{}")
			b.settle()
			require.Len(t, b.stages["enrich"].all(), tt.attempts)
			require.Len(t, b.clock.all(), tt.attempts-1)
			dead := b.stages["deadletter"].all()
			require.Len(t, dead, 1)
			require.Equal(t, strconv.Itoa(tt.status), dead[0].header.Get("Ce-Knativeerrorcode"))
			require.Len(t, b.journal.deadLettered, 1)
			require.Equal(t, CauseStatus, b.journal.deadLettered[0].Reason)
		})
	}
}

func TestBackoffGrowsAsTheManifestSays(t *testing.T) {
	tests := []struct {
		name, delivery string
		scale          float64
		want           []time.Duration
	}{
		{"exponential doubles", "{retry: 4, backoffPolicy: exponential, backoffDelay: PT0.2S}", 1,
			[]time.Duration{200 * time.Millisecond, 400 * time.Millisecond, 800 * time.Millisecond, 1600 * time.Millisecond}},
		{"linear adds, and as in Knative begins at nothing", "{retry: 3, backoffPolicy: linear, backoffDelay: PT2S}", 1,
			[]time.Duration{0, 2 * time.Second, 4 * time.Second}},
		{"without a policy the retries follow at once", "{retry: 2}", 1, []time.Duration{0, 0}},
		{"without a retry there is none", "{backoffPolicy: linear, backoffDelay: PT2S}", 1, nil},
		{"the scale shortens every wait", "{retry: 2, backoffPolicy: exponential, backoffDelay: PT1S}", 0.01,
			[]time.Duration{10 * time.Millisecond, 20 * time.Millisecond}},
		{"a wait never exceeds a day", "{retry: 2, backoffPolicy: exponential, backoffDelay: PT23H}", 1,
			[]time.Duration{23 * time.Hour, 24 * time.Hour}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBed(t, docs(brokerYAML, triggerYAML("enrich", takesReceived, tt.delivery)),
				func(o *Options) { o.BackoffScale = tt.scale }, "enrich")
			b.stages["enrich"].answer = func(_ int, w http.ResponseWriter, _ received) { w.WriteHeader(500) }
			b.send(nil, "{}")
			b.settle()
			require.Equal(t, tt.want, b.clock.all())
		})
	}
}

func TestRetryAfterCountsAsFarAsThePolicyAllows(t *testing.T) {
	tests := []struct {
		name, delivery, header string
		status                 int
		want                   time.Duration
	}{
		{"without retryAfterMax Knative ignores it", "{retry: 1, backoffPolicy: linear, backoffDelay: PT1S}", "9", 503, 0},
		{"seconds below the limit", "{retry: 1, retryAfterMax: PT30S}", "9", 503, 9 * time.Second},
		{"429 counts too", "{retry: 1, retryAfterMax: PT30S}", "9", 429, 9 * time.Second},
		{"the limit wins", "{retry: 1, retryAfterMax: PT5S}", "9", 503, 5 * time.Second},
		{"the longer of it and the backoff wins", "{retry: 1, backoffPolicy: exponential, backoffDelay: PT20S, retryAfterMax: PT30S}", "9", 503, 20 * time.Second},
		{"500 has none", "{retry: 1, retryAfterMax: PT30S}", "9", 500, 0},
		{"nonsense is none", "{retry: 1, retryAfterMax: PT30S}", "soon", 503, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBed(t, docs(brokerYAML, triggerYAML("enrich", takesReceived, tt.delivery)), func(o *Options) {
				o.Features = feature.Flags{feature.DeliveryRetryAfter: feature.Enabled, feature.DeliveryTimeout: feature.Enabled}
			}, "enrich")
			b.stages["enrich"].answer = func(n int, w http.ResponseWriter, _ received) {
				if n == 1 {
					w.Header().Set("Retry-After", tt.header)
					w.WriteHeader(tt.status)
				}
			}
			b.send(nil, "{}")
			b.settle()
			require.Equal(t, []time.Duration{tt.want}, b.clock.all())
		})
	}
}

func TestRetryAfterMayBeADate(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	require.Equal(t, 30*time.Second, parseRetryAfter(now.Add(30*time.Second).Format(http.TimeFormat), now))
	require.Zero(t, parseRetryAfter(now.Add(-time.Hour).Format(http.TimeFormat), now), "the past is now")
	require.Zero(t, parseRetryAfter("-5", now))
}

func TestADeliveryThatSucceedsLaterIsNoDeadLetter(t *testing.T) {
	b := newBed(t, docs(brokerYAML, triggerYAML("enrich", takesReceived, patient)), nil, "enrich")
	b.stages["enrich"].answer = statuses(503, 503)
	b.send(nil, "{}")
	b.settle()
	require.Len(t, b.stages["enrich"].all(), 3)
	require.Empty(t, b.stages["deadletter"].all())
	require.Len(t, b.journal.retried, 2)
	require.Equal(t, 503, b.journal.retried[0].Status)
	require.Equal(t, time.Second, b.journal.retried[0].Wait)
	require.Len(t, b.journal.delivered, 1)
	require.Equal(t, 3, b.journal.delivered[0].Attempt)
}

func TestAReplyThatIsNoCloudEventFailsTheDelivery(t *testing.T) {
	tests := []struct {
		name, cause string
		answer      func(int, http.ResponseWriter, received)
	}{
		{"a plain body", CauseNotACloudEvent, func(_ int, w http.ResponseWriter, _ received) { _, _ = w.Write([]byte("ok")) }},
		{"a broken structured event", CauseNotACloudEvent, func(_ int, w http.ResponseWriter, _ received) {
			w.Header().Set("Content-Type", "application/cloudevents+json")
			_, _ = w.Write([]byte("{"))
		}},
		{"a reply beyond the bound", CauseReplyTooLarge, func(_ int, w http.ResponseWriter, _ received) {
			_, _ = w.Write(make([]byte, 2048))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBed(t, docs(brokerYAML, triggerYAML("enrich", takesReceived, patient)), func(o *Options) { o.MaxEventBytes = 1024 }, "enrich")
			b.stages["enrich"].answer = tt.answer
			b.send(nil, "{}")
			b.settle()
			require.Len(t, b.stages["enrich"].all(), 4, "it counts as 502, which is retried")
			require.Equal(t, "502", b.stages["deadletter"].all()[0].header.Get("Ce-Knativeerrorcode"))
			require.Equal(t, tt.cause, b.journal.deadLettered[0].Reason)
		})
	}
}

func TestARefusedReplyMakesADeadLetterOfItsCause(t *testing.T) {
	b := newBed(t, docs(brokerYAML, triggerYAML("enrich", takesReceived, patient)), nil, "enrich")
	b.stages["enrich"].answer = func(_ int, w http.ResponseWriter, _ received) {
		w.Header().Set("Ce-Specversion", "1.0")
		w.Header().Set("Ce-Type", "ai.kubernaut.signal.enriched.v1") // no id, no source
	}
	b.send(nil, `{"n":1}`)
	b.settle()
	require.Len(t, b.stages["enrich"].all(), 1, "400 is not retried")
	dead := b.stages["deadletter"].all()
	require.Len(t, dead, 1)
	require.Equal(t, "id-1", dead[0].header.Get("Ce-Id"), "the event, not the reply")
	require.Equal(t, `{"n":1}`, string(dead[0].body))
	require.Equal(t, "400", dead[0].header.Get("Ce-Knativeerrorcode"))
	require.Equal(t, "http://broker-ingress.knative-eventing.svc.cluster.local/kubernaut-system/kubernaut", dead[0].header.Get("Ce-Knativeerrordest"))
	require.Equal(t, CauseReplyRefused, b.journal.deadLettered[0].Reason)
}

func TestAReplyToAFullQueueIsSentAgainWithoutRepeatingTheWork(t *testing.T) {
	const next = "ai.kubernaut.signal.enriched.v1"
	refused := make(chan func(), 1)
	b := newBed(t, docs(brokerYAML, triggerYAML("enrich", takesReceived, patient), triggerYAML("classify", "[{exact: {type: "+next+"}}]", "")),
		func(o *Options) {
			o.QueueSize, o.Concurrency = 1, 1
			o.After = func(_ time.Duration, f func()) func() bool {
				refused <- f
				return func() bool { return true }
			}
		}, "enrich", "classify")
	release := make(chan struct{})
	b.stages["enrich"].answer = replies(next)
	b.stages["classify"].answer = func(int, http.ResponseWriter, received) { <-release }
	b.send(map[string]string{"Ce-Type": next, "Ce-Id": "filler"}, "{}")
	b.send(nil, "{}")
	again := <-refused
	close(release)
	require.Eventually(t, func() bool { return len(b.journal.types()) == 1 && b.waiting("classify-trigger") == 0 }, testTimeout, time.Millisecond)
	again()
	b.settle()
	require.Len(t, b.stages["enrich"].all(), 1)
	require.Len(t, b.stages["classify"].all(), 2)
}

func TestALoopEndsAfter255Turns(t *testing.T) {
	b := newBed(t, docs(brokerYAML, triggerYAML("enrich", takesReceived, patient)), nil, "enrich")
	b.stages["enrich"].answer = replies(testType)
	b.send(nil, "{}")
	b.settle()
	require.Len(t, b.stages["enrich"].all(), InitialTTL)
	require.Equal(t, []string{ReasonTTLExhausted}, b.journal.reasons())
	dead := b.stages["deadletter"].all()
	require.Len(t, dead, 1, "as in Knative the event whose reply was refused is kept")
	require.Equal(t, "1", dead[0].header.Get("Ce-Knativebrokerttl"))
}

func TestAnAttemptEndsAfterItsTimeout(t *testing.T) {
	hang := make(chan struct{})
	b := newBed(t, docs(brokerYAML, triggerYAML("enrich", takesReceived, "{timeout: PT0.1S, retry: 1, "+sinkRef+"}")), nil, "enrich")
	t.Cleanup(func() { close(hang) })
	b.stages["enrich"].answer = func(int, http.ResponseWriter, received) { <-hang }
	b.send(nil, "{}")
	b.settle()
	require.Len(t, b.stages["enrich"].all(), 2)
	require.Equal(t, "500", b.stages["deadletter"].all()[0].header.Get("Ce-Knativeerrorcode"))
	require.Equal(t, CauseNoAnswer, b.journal.deadLettered[0].Reason)
}

func TestATriggerRunsNoMoreAttemptsAtOnceThanAllowed(t *testing.T) {
	const limit, events = 3, 12
	var at gauge
	b := newBed(t, docs(brokerYAML, triggerYAML("enrich", takesReceived, "")), func(o *Options) { o.Concurrency = limit }, "enrich")
	release := make(chan struct{})
	b.stages["enrich"].answer = func(int, http.ResponseWriter, received) {
		at.enter()
		defer at.leave()
		<-release
	}
	for range events {
		b.send(nil, "{}")
	}
	require.Eventually(t, func() bool { return at.highest() >= limit }, testTimeout, time.Millisecond)
	close(release)
	b.settle()
	require.Len(t, b.stages["enrich"].all(), events)
	require.Equal(t, limit, at.highest())
}
