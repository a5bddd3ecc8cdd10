package system

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheBrokerServesThisMachineOnly(t *testing.T) {
	for name, c := range map[string]struct {
		peer, local string
		header      [2]string
		status      int
	}{
		"over the loopback interface":          {"127.0.0.1:4711", "127.0.0.1:8080", [2]string{}, 202},
		"from our own address":                 {"192.0.2.7:4711", "192.0.2.7:8080", [2]string{}, 202},
		"from our own address, as version six": {"[::ffff:192.0.2.7]:4711", "192.0.2.7:8080", [2]string{}, 202},
		"from another machine":                 {"192.0.2.8:4711", "192.0.2.7:8080", [2]string{}, 403},
		"from nowhere":                         {"", "192.0.2.7:8080", [2]string{}, 403},
		"from a page of another site":          {"127.0.0.1:4711", "127.0.0.1:8080", [2]string{"Sec-Fetch-Site", "cross-site"}, 403},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://x"+brokerPath, nil)
			local, err := net.ResolveTCPAddr("tcp", c.local)
			require.NoError(t, err)
			r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, local))
			r.RemoteAddr = c.peer
			if c.header[0] != "" {
				r.Header.Set(c.header[0], c.header[1])
			}
			w := httptest.NewRecorder()
			fromHere(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) })).ServeHTTP(w, r)
			require.Equal(t, c.status, w.Code)
		})
	}
}
