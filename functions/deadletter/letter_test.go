package function

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/stage"
)

func TestWhoFailedAndWhy(t *testing.T) {
	named, err := stage.ParseStages(addresses)
	require.NoError(t, err)
	stages := byHost(named)
	encoded := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	for name, c := range map[string]struct {
		dest, code, data string
		want             string
	}{
		"a stage of ours says why": {"http://execute.ns.svc.cluster.local/", "422", encoded(`{"reason":"unsealed","message":"no seal"}`),
			"execute answered 422: unsealed: no seal"},
		"a subscriber says something else":    {"http://execute.ns.svc", "500", encoded("oops"), "execute answered 500: oops"},
		"a subscriber that was never reached": {"http://execute.ns.svc", "", "", "execute did not answer"},
		"a loopback address that is listed":   {"http://127.0.0.1:4001/", "503", "", "record answered 503"},
		"a loopback address that is not":      {"http://127.0.0.1:9/", "503", "", "unknown answered 503"},
		"no address":                          {"", "503", "", "unknown answered 503"},
		"an address that is none":             {"::", "503", "", "unknown answered 503"},
		"a code that is none":                 {"http://execute", "many", "", "execute did not answer"},
		"data that is not base64":             {"http://execute", "500", "%%%%", "execute answered 500"},
		"data that the Broker cut in a group": {"http://execute", "500", encoded("abcdef")[:7], "execute answered 500: abc"},
		"data that is not text":               {"http://execute", "500", encoded("\xff\xfe"), "execute answered 500: \uFFFD\uFFFD"},
	} {
		t.Run(name, func(t *testing.T) {
			f := failureOf(func(name string) string {
				return map[string]string{extDest: c.dest, extCode: c.code, extData: c.data}[name]
			}, stages)
			require.Equal(t, c.want, f.String())
		})
	}
	long := failureOf(func(string) string { return strings.Repeat("QUJD", 5000) }, nil)
	require.LessOrEqual(t, len(long.String()), event.MaxText)
}
