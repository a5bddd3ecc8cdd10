package pipeline_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	gateway "kubernaut.ai/functions/gateway"
	"kubernaut.ai/functions/gateway/source"
)

// keys are all of Redis' keys.
// keys are all but those of the system's own rounds, which come and go by
// themselves.
func (b *bed) keys(t *testing.T) []string {
	t.Helper()
	keys, err := b.redis.Keys(t.Context(), "*").Result()
	require.NoError(t, err)
	keys = slices.DeleteFunc(keys, func(key string) bool {
		return key == "kubernaut:inbox:{assess/rebuild}" || strings.HasPrefix(key, "kubernaut:scanned:")
	})
	slices.Sort(keys)
	return keys
}

func (b *bed) malformed(t *testing.T) {
	good := string(webhook(t, alert{Status: "firing", Labels: map[string]string{"alertname": "X", "namespace": "none", "pod": "none"}}))
	deep := strings.Repeat(`{"alerts":[`, source.MaxDepth) + strings.Repeat(`]}`, source.MaxDepth)
	before := b.keys(t)
	for name, c := range map[string]struct {
		method, path, contentType, body string
		status                          int
		reason                          string
	}{
		"no JSON":                     {body: `alert!`, status: 400, reason: gateway.ReasonMalformed},
		"nothing":                     {body: ``, status: 400, reason: gateway.ReasonMalformed},
		"another JSON value":          {body: `[1, 2, 3]`, status: 400, reason: gateway.ReasonMalformed},
		"cut off in the middle":       {body: good[:len(good)/2], status: 400, reason: gateway.ReasonMalformed},
		"two documents":               {body: good + good, status: 400, reason: gateway.ReasonMalformed},
		"a key named twice":           {body: `{"alerts": [], "alerts": []}`, status: 400, reason: gateway.ReasonMalformed},
		"nested too deep":             {body: deep, status: 400, reason: gateway.ReasonMalformed},
		"nested a million deep":       {body: strings.Repeat(`[`, 1_000_000), status: 400, reason: gateway.ReasonMalformed},
		"bytes that are not UTF-8":    {body: strings.Replace(good, `"X"`, "\"\xff\xfe\"", 1), status: 400, reason: gateway.ReasonMalformed},
		"half a surrogate pair":       {body: strings.Replace(good, `"X"`, `"\ud800"`, 1), status: 400, reason: gateway.ReasonMalformed},
		"an alert that began nowhen":  {body: good, status: 400, reason: source.ReasonNoStart},
		"more than a body may have":   {body: good + strings.Repeat(" ", gateway.MaxBody), status: 413, reason: gateway.ReasonTooLarge},
		"another content type":        {contentType: "text/plain", body: good, status: 415, reason: gateway.ReasonMediaType},
		"another charset":             {contentType: "application/json; charset=latin1", body: good, status: 415, reason: gateway.ReasonMediaType},
		"another method":              {method: http.MethodPut, body: good, status: 405, reason: gateway.ReasonMethod},
		"a method without a body":     {method: http.MethodGet, status: 405, reason: gateway.ReasonMethod},
		"a path that nobody serves":   {path: "/api/v1/signals/nagios", body: good, status: 404, reason: gateway.ReasonNoPath},
		"an answer to no remediation": {path: "/api/v1/remediations/none/approve", body: `{}`, status: 404, reason: "not_held"},
		"an answer that is no JSON":   {path: "/api/v1/remediations/none/approve", body: `{`, status: 400},
		"an answer of 17 KiB":         {path: "/api/v1/remediations/none/approve", body: strings.Repeat(" ", 17<<10), status: 413},
	} {
		t.Run(name, func(t *testing.T) {
			r := request(t, or(c.method, http.MethodPost), b.URL()+or(c.path, signalsPath), []byte(c.body))
			r.Header.Set("Content-Type", or(c.contentType, "application/json"))
			got := exchange(t, r)
			require.Equal(t, c.status, got.status, string(got.body))
			reason := problem(t, got)
			if c.reason != "" {
				require.Equal(t, c.reason, reason)
			}
		})
	}
	require.Equal(t, before, b.keys(t))
	require.Zero(t, b.metric(t, "kubernaut_drops_total", map[string]string{"reason": "panic"}))
	require.NoError(t, b.Ready(t.Context()))
}

func or(v, otherwise string) string {
	if v == "" {
		return otherwise
	}
	return v
}
