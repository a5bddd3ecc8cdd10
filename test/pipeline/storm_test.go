package pipeline_test

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	gateway "kubernaut.ai/functions/gateway"
)

const (
	crowd    = 100
	gateways = 10
)

func (b *bed) storm(t *testing.T) {
	b.sick(t, "storm", workload{})
	b.once(t, "storm", []string{b.URL()})
}

func (b *bed) tenGateways(t *testing.T) {
	b.sick(t, "replicas", workload{})
	urls := make([]string, gateways)
	for i := range urls {
		f := gateway.New()
		require.NoError(t, f.Start(t.Context(), b.Settings()))
		server := httptest.NewServer(http.HandlerFunc(f.Handle))
		urls[i] = server.URL
		t.Cleanup(func() {
			server.Close()
			require.NoError(t, f.Stop(t.Context()))
		})
	}
	b.once(t, "replicas", urls)
}

// once posts one alert a hundred times at once, spread over the gateways, and
// requires one remediation, one change, and the others counted.
func (b *bed) once(t *testing.T, namespace string, urls []string) {
	t.Helper()
	a := oomKilled(namespace)
	body := webhook(t, a)
	answers := make([]answer, crowd)
	var group sync.WaitGroup
	for i := range crowd {
		url := urls[i%len(urls)] + signalsPath
		group.Go(func() { answers[i] = patient(t, url, body) })
	}
	group.Wait()
	statuses, ids := map[string]int{}, map[string]bool{}
	var fingerprint string
	for _, got := range answers {
		var said gateway.Answer
		got.decode(t, &said)
		require.Len(t, said.Results, 1, string(got.body))
		statuses[said.Results[0].Status]++
		ids[said.Results[0].RemediationID] = true
		fingerprint = said.Results[0].Fingerprint
	}
	require.Len(t, ids, 1)
	require.Equal(t, crowd, statuses[gateway.StatusCreated]+statuses[gateway.StatusDuplicate], statuses)
	claim, err := b.Ledger().Get(t.Context(), fingerprint)
	require.NoError(t, err)
	if statuses[gateway.StatusCreated] == 1 {
		require.Equal(t, int64(crowd-1), claim.Duplicates)
	} else {
		// The one that opened it was told 503, so that its sender posted again:
		// then it is a duplicate too.
		require.Zero(t, statuses[gateway.StatusCreated])
		require.GreaterOrEqual(t, claim.Duplicates, int64(crowd-1))
	}

	until(t, "healed "+namespace, func() (bool, any) { return b.healthy(t, namespace), b.view(t, claim.Remediation).Timeline })
	b.post(t, a.resolved())
	require.Equal(t, "healed", b.ended(t, claim.Remediation).Outcome)
	require.Len(t, b.mutations(namespace), 1)
	require.Equal(t, "192Mi", b.memory(t, namespace))
}
