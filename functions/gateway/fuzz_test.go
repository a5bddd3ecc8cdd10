package function

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/signal"
)

// FuzzHeartbeatTarget reads whatever somebody sets: what is taken is an object.
func FuzzHeartbeatTarget(f *testing.F) {
	for _, seed := range []string{"", "shop/Deployment/cart", "/Node/worker-1", "//", "a/b/c/d", "shop/Kustomization.kustomize.toolkit.fluxcd.io/apps", "../x/Pod"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		h, err := openHeart(time.Minute, text, "kubernaut-system")
		if err != nil {
			require.ErrorContains(t, err, EnvHeartbeatTarget)
			return
		}
		require.True(t, signal.ValidKindName(h.target.Kind), h.target)
		require.True(t, signal.ValidName(h.target.Name), h.target)
		require.True(t, h.target.Namespace == "" || signal.ValidNamespace(h.target.Namespace), h.target)
	})
}

// FuzzParkedExpiry has a round end what somebody else wrote to Redis: whatever it
// is, it is taken off the list at once or, where it ends an alert, opens nothing.
func FuzzParkedExpiry(f *testing.F) {
	for _, seed := range []string{"", "{", "null", "[]", `{"Source":"alertmanager"}`, `{"Alert":{"ID":"x","Labels":{"alertname":"A"},"StartsAt":"x"}}`,
		`{"Target":{"Kind":"Deployment","Namespace":"shop","Name":"cart"},"Alert":{"Labels":{"alertname":"A","pod":"cart-1"}}}`} {
		f.Add([]byte(seed))
	}
	w := newWorld(f)
	g := w.gateway(f)
	f.Fuzz(func(t *testing.T, payload []byte) {
		if len(payload) > ledger.MaxExpiryPayload {
			return
		}
		noted, err := g.claims.ExpectMany(t.Context(), []ledger.Expiry{{Alert: "fuzzed", In: 0, Payload: payload}})
		require.NoError(t, err)
		require.Equal(t, []bool{true}, noted)
		require.NoError(t, g.endExpired(t.Context()))
		require.Empty(t, w.broker.sent, "an alert that nobody knows ends nothing")
		left, err := g.claims.LeaseExpired(t.Context(), 1, time.Millisecond)
		require.NoError(t, err)
		require.Empty(t, left)
	})
}
