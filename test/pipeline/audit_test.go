package pipeline_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/history"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/stage"
)

// everything is all that history stored.
func (b *bed) everything(t *testing.T) []history.Entry {
	t.Helper()
	all, err := b.History().Timeline(t.Context(), "")
	require.NoError(t, err)
	filter := history.Filter{Limit: history.MaxPage}
	for {
		page, err := b.History().Remediations(t.Context(), filter)
		require.NoError(t, err)
		for _, r := range page {
			entries, err := b.History().Timeline(t.Context(), r.ID)
			require.NoError(t, err)
			all = append(all, entries...)
		}
		if len(page) < history.MaxPage {
			return all
		}
		filter.After = page[len(page)-1].Cursor()
	}
}

// roots are the types with which a chain of causes may begin.
var roots = []string{event.SignalReceived, event.SignalResolved, event.SignalJoined, event.SignalSuppressed}

func (b *bed) audit(t *testing.T) {
	b.idle(t)
	all := b.everything(t)
	require.Greater(t, len(all), 100)
	ring, err := b.Keyring()
	require.NoError(t, err)
	byID := map[string]history.Entry{}
	for _, e := range all {
		byID[e.ID] = e
	}
	seen := map[string]bool{}
	for _, e := range all {
		entry, ok := event.Lookup(e.Type)
		require.True(t, ok, "%s is not in the catalogue", e.Type)
		require.True(t, entry.Produces(e.Stage), "%s of %s", e.Type, e.Stage)
		ce, err := stage.Decode(e.Event)
		require.NoError(t, err)
		require.NoError(t, ring.Verify(ce))
		require.Equal(t, e.Remediation, event.Extension(ce, event.ExtCorrelation))
		require.LessOrEqual(t, len(ce.Data()), event.MaxEventSize)
		require.NotContains(t, string(e.Event), planted, "%s tells a secret", e.Type)
		chain(t, byID, e)
		seen[e.Type] = true
	}
	letters, err := b.Ledger().DeadLetters(t.Context(), ledger.MaxDeadLetters)
	require.NoError(t, err)
	for _, l := range letters {
		require.NotContains(t, string(l.Event)+l.Reason, planted)
	}
	require.NotEmpty(t, b.told(t), "the planted secret is where it was planted")
	var lacking []string
	for _, entry := range event.Catalogue() {
		if !seen[entry.Type] && !slices.Contains(elsewhere, entry.Type) {
			lacking = append(lacking, entry.Type)
		}
	}
	require.Empty(t, lacking, "types that no story brought about")
}

// elsewhere are the types that other tests bring about: an investigation of
// several turns needs a model, an action of several turns a disruption budget.
var elsewhere = []string{event.AnalysisContinued, event.ExecutionContinued, event.RemediationExpired,
	event.RemediationEscalated, event.RemediationFailed}

// chain requires that every cause back to the first is stored, and of the
// same remediation.
func chain(t *testing.T, byID map[string]history.Entry, e history.Entry) {
	t.Helper()
	path := []string{e.Type}
	for depth := 0; e.Causation != ""; depth++ {
		parent, ok := byID[e.Causation]
		require.True(t, ok, "the cause of %s is not stored", strings.Join(path, " <- "))
		require.Equal(t, e.Remediation, parent.Remediation)
		require.Less(t, depth, 100)
		e, path = parent, append(path, parent.Type)
	}
	require.Contains(t, roots, e.Type, strings.Join(path, " <- "))
}

// told is what the API server says of a workload: the secret is there to find.
func (b *bed) told(t *testing.T) string {
	t.Helper()
	raw, err := b.kube.AppsV1().RESTClient().Get().AbsPath("/apis/apps/v1/namespaces/storm/deployments/app").DoRaw(t.Context())
	require.NoError(t, err)
	require.Contains(t, string(raw), planted)
	return string(raw)
}
