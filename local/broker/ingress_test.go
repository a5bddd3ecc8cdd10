package broker

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestIngressAnswersAsKnativeDoes(t *testing.T) {
	long := strings.Repeat("x", DefaultMaxEventBytes+1)
	structured := map[string]string{"Content-Type": "application/cloudevents+json", "Ce-Specversion": "", "Ce-Id": "", "Ce-Source": "", "Ce-Type": ""}
	tests := []struct {
		name   string
		header map[string]string
		body   string
		code   int
		reason string
	}{
		{"a binary event is accepted", nil, `{}`, 202, ""},
		{"an event without data is accepted", map[string]string{"Content-Type": ""}, ``, 202, ""},
		{"a structured event is accepted", structured, `{"specversion":"1.0","id":"1","source":"/s","type":"` + testType + `","data":{}}`, 202, ""},
		{"a structured event that is no JSON is invalid", structured, `{`, 400, ReasonInvalidEvent},
		{"an event without id is invalid", map[string]string{"Ce-Id": ""}, `{}`, 400, ReasonInvalidEvent},
		{"an event without type is invalid", map[string]string{"Ce-Type": ""}, `{}`, 400, ReasonInvalidEvent},
		{"a plain request is invalid", map[string]string{"Ce-Specversion": ""}, `{}`, 400, ReasonInvalidEvent},
		{"a body beyond the bound is too large", nil, long, 413, ReasonEventTooLarge},
		{"an event that went round 255 times is taken for a loop", map[string]string{"Ce-Knativebrokerttl": "1"}, `{}`, 400, ReasonTTLExhausted},
		{"a TTL that is no number starts afresh", map[string]string{"Ce-Knativebrokerttl": "many"}, `{}`, 202, ""},
		{"an attribute that no header can carry is refused", structured,
			`{"specversion":"1.0","id":"1","source":"/s","type":"` + testType + `","subject":"a\nb"}`, 400, ReasonUnsendableAttribute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBed(t, docs(brokerYAML, triggerYAML("enrich", takesReceived, "")), nil, "enrich")
			code, reason := b.post(tt.header, tt.body)
			require.Equal(t, tt.code, code)
			require.Equal(t, tt.reason, reason)
			b.settle()
			if code == http.StatusAccepted {
				require.Len(t, b.stages["enrich"].all(), 1)
			} else {
				require.Empty(t, b.stages["enrich"].all())
			}
		})
	}
}

func TestIngressKnowsItsPathsAndMethods(t *testing.T) {
	b := newBed(t, brokerYAML, nil)
	tests := []struct {
		name, method, path string
		code               int
	}{
		{"the Broker's own path", http.MethodPost, "/kubernaut-system/kubernaut", 400},
		{"a trailing slash", http.MethodPost, "/kubernaut-system/kubernaut/", 400},
		{"the root, as there is one Broker only", http.MethodPost, "/", 400},
		{"a Broker that is not declared", http.MethodPost, "/kubernaut-system/other", 404},
		{"a path of one part", http.MethodPost, "/kubernaut", 404},
		{"the webhook handshake", http.MethodOptions, "/", 200},
		{"another method", http.MethodGet, "/", 405},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req, err := http.NewRequest(tt.method, b.url+tt.path, nil)
			require.NoError(t, err)
			resp, err := http.DefaultClient.Do(req)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			require.Equal(t, tt.code, resp.StatusCode)
		})
	}
}

func TestDataAndExtensionsPassThroughByteForByte(t *testing.T) {
	b := newBed(t, docs(brokerYAML, triggerYAML("enrich", takesReceived, "")), nil, "enrich")
	body := "{ \"b\":1.0,\t\"a\" : \"\\u00e9\", \"b\":2 }\n"
	b.send(map[string]string{
		"Ce-Correlationid": "rem-1", "Ce-Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		"Ce-Subject": "shop/Deployment/cart", "Ce-Partitionkey": "0x1F", "Ce-Seal": "a+/=", "X-Request-Id": "req-1", "X-Secret": "no",
	}, body)
	b.settle()
	got := b.stages["enrich"].all()[0]
	require.Equal(t, body, string(got.body))
	for name, want := range map[string]string{
		"Ce-Correlationid": "rem-1", "Ce-Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		"Ce-Subject": "shop/Deployment/cart", "Ce-Partitionkey": "0x1F", "Ce-Seal": "a+/=", "Ce-Id": "id-1", "Ce-Type": testType,
		"Content-Type": "application/json", "Prefer": "reply", "Kn-Namespace": "kubernaut-system", "X-Request-Id": "req-1",
		"X-Secret": "", "Ce-Knativebrokerttl": "",
	} {
		require.Equal(t, want, got.header.Get(name), name)
	}
	require.NotEmpty(t, got.header.Get("Ce-Knativearrivaltime"))
}

func TestStructuredDataIsForwardedAsItCame(t *testing.T) {
	b := newBed(t, docs(brokerYAML, triggerYAML("enrich", takesReceived, "")), nil, "enrich")
	data := `{ "n":1.50, "z" : [ ] }`
	b.send(map[string]string{"Content-Type": "application/cloudevents+json", "Ce-Specversion": ""},
		`{"specversion":"1.0","id":"1","source":"/s","type":"`+testType+`","datacontenttype":"application/json","risk":"low","data":`+data+`}`)
	b.settle()
	got := b.stages["enrich"].all()[0]
	require.Equal(t, data, string(got.body))
	require.Equal(t, "low", got.header.Get("Ce-Risk"))
}

func TestAFullQueueAnswers503AndTakesNothing(t *testing.T) {
	release := make(chan struct{})
	b := newBed(t, docs(brokerYAML, triggerYAML("record", "[{prefix: {type: ai.kubernaut.}}]", ""), triggerYAML("enrich", takesReceived, "")),
		func(o *Options) { o.QueueSize, o.Concurrency = 2, 1 }, "enrich", "record")
	b.stages["enrich"].answer = func(int, http.ResponseWriter, received) { <-release }
	b.send(nil, "{}")
	b.send(nil, "{}")
	req, err := http.NewRequest(http.MethodPost, b.url, strings.NewReader("{}"))
	require.NoError(t, err)
	for name, value := range map[string]string{"Ce-Specversion": "1.0", "Ce-Id": "3", "Ce-Source": "/s", "Ce-Type": testType} {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	require.Equal(t, "1", resp.Header.Get("Retry-After"))
	close(release)
	b.settle()
	require.Len(t, b.stages["enrich"].all(), 2)
	require.Len(t, b.stages["record"].all(), 2, "refused for one Trigger is refused for all")
	require.Zero(t, b.waiting("record-trigger"), "and holds no place at the others")
	b.send(nil, "{}")
	b.settle()
	require.Len(t, b.stages["enrich"].all(), 3, "its places are free again")
}

func TestAnEventThatNoTriggerWantsIsAcceptedAndNamed(t *testing.T) {
	b := newBed(t, docs(brokerYAML, triggerYAML("enrich", takesReceived, "")), nil, "enrich")
	b.send(map[string]string{"Ce-Type": "ai.kubernaut.signal.resolved.v1"}, "{}")
	b.settle()
	require.Empty(t, b.stages["enrich"].all())
	require.Equal(t, []string{ReasonNoMatchingTrigger}, b.journal.reasons())
}
