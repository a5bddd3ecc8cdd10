package pipeline_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/timeline"
)

// operator reads the answers as a person on call does.
func (b *bed) operator(t *testing.T) {
	const namespace = "operated"
	b.sick(t, namespace, workload{labels: ownedByFlux})
	a := oomKilled(namespace)
	id := b.opened(t, a)
	b.held(t, id)
	t.Run("while it waits, the list says so and one says how to answer", func(t *testing.T) {
		one := b.one(t, id)
		require.Equal(t, "remediation.held", one.Phase)
		require.False(t, one.Ended)
		require.Equal(t, "operated/Deployment/app", one.Target)
		require.Equal(t, "increase_resources", one.Action)
		require.Equal(t, "POST /api/v1/remediations/"+id+"/approve", one.Held.Approve)
		require.Empty(t, one.Changes)
		require.Nil(t, one.Undo)
		var list struct {
			Remediations []struct {
				ID   string
				Held *timeline.Held
			}
		}
		b.ask(t, http.MethodGet, "/api/v1/remediations?namespace=operated&phase=remediation.held", "").decode(t, &list)
		require.Len(t, list.Remediations, 1)
		require.Equal(t, one.Held, list.Remediations[0].Held)
		require.NotZero(t, one.Held.ExpiresAt)
	})
	require.Equal(t, http.StatusAccepted, b.ask(t, http.MethodPost, "/api/v1/remediations/"+id+"/approve", `{"comment": "Go."}`).status)
	until(t, "healed workload", func() (bool, any) { return b.healthy(t, namespace), b.view(t, id).Timeline })
	_, _ = b.post(t, a)
	_, _ = b.post(t, a.resolved())
	b.ended(t, id)
	t.Run("afterwards, all that matters is in one answer", func(t *testing.T) {
		one := b.one(t, id)
		require.Equal(t, "healed", one.Outcome)
		require.Equal(t, "effective", one.Reason)
		require.NotEmpty(t, one.Detail)
		require.Nil(t, one.Held)
		require.True(t, one.Undo.Possible)
		require.NotEmpty(t, one.Approver)
		require.GreaterOrEqual(t, one.Duplicates, int64(1))
		require.NotEmpty(t, one.Changes)
		require.Equal(t, "effective", one.Verdict.Verdict)
		require.Equal(t, "signal.received", one.Timeline[0].Type)
		require.Equal(t, "remediation.closed", one.Timeline[len(one.Timeline)-1].Type)
		require.Contains(t, one.Reasons[0], "memory")
	})
	t.Run("the list can be narrowed", func(t *testing.T) {
		var list struct {
			Remediations []struct{ ID, Outcome, Phase, Target, Action string }
		}
		b.ask(t, http.MethodGet, "/api/v1/remediations?namespace=operated&outcome=healed", "").decode(t, &list)
		require.Len(t, list.Remediations, 1)
		require.Equal(t, id, list.Remediations[0].ID)
		require.Equal(t, "increase_resources", list.Remediations[0].Action)
	})
	t.Run("what nobody knows is not found", func(t *testing.T) {
		got := b.ask(t, http.MethodGet, "/api/v1/remediations/none", "")
		require.Equal(t, http.StatusNotFound, got.status)
		problem(t, got)
	})
}

func (b *bed) one(t *testing.T, id string) (v timeline.View) {
	t.Helper()
	got := b.ask(t, http.MethodGet, "/api/v1/remediations/"+id, "")
	require.Equal(t, http.StatusOK, got.status, string(got.body))
	got.decode(t, &v)
	return v
}
