package pipeline_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/local/system"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/stage"
)

func (b *bed) refusal(t *testing.T) {
	const namespace = "refused"
	b.sick(t, namespace, workload{labels: ownedByFlux})
	id := b.opened(t, oomKilled(namespace))
	v := b.held(t, id)
	require.Equal(t, "gitops_owned", v.Held.Reason)
	b.joins(t, namespace, id)
	got := b.ask(t, http.MethodPost, "/api/v1/remediations/"+id+"/refuse", `{"comment": "We are deploying a fix."}`)
	require.Equal(t, http.StatusAccepted, got.status, string(got.body))
	v = b.ended(t, id)
	require.Equal(t, event.OutcomeRejected, v.Outcome)
	require.Equal(t, "refused_by_person", v.Reason)
	require.Contains(t, v.Detail, "We are deploying a fix.")
	require.Empty(t, b.mutations(namespace))
}

// joins posts an alert of another name on the workload of a remediation: whoever
// is asked about it sees that, too.
func (b *bed) joins(t *testing.T, namespace, id string) {
	t.Helper()
	other := oomKilled(namespace)
	other.Labels["alertname"] = "KubeDeploymentReplicasMismatch"
	for range 2 {
		_, got := b.post(t, other)
		require.Equal(t, id, got.RemediationID)
	}
	var told event.SignalJoinedData
	e, err := stage.Decode(b.entry(t, id, event.SignalJoined).Event)
	require.NoError(t, err)
	require.NoError(t, e.DataAs(&told))
	require.Equal(t, "KubeDeploymentReplicasMismatch", told.Signal.Name)
}

func (b *bed) undoing(t *testing.T) {
	const namespace = "undone"
	b.sick(t, namespace, workload{})
	a := oomKilled(namespace)
	id := b.opened(t, a)
	until(t, "healed workload", func() (bool, any) { return b.healthy(t, namespace), b.view(t, id).Timeline })
	_, _ = b.post(t, a.resolved())
	v := b.ended(t, id)
	require.Equal(t, event.OutcomeHealed, v.Outcome)
	require.Equal(t, "192Mi", b.memory(t, namespace))
	require.True(t, v.Undo.Possible)
	require.Equal(t, "POST /api/v1/remediations/"+id+"/undo", v.Undo.How)

	got := b.ask(t, http.MethodPost, "/api/v1/remediations/"+id+"/undo", `{"reason": "It costs too much."}`)
	require.Equal(t, http.StatusAccepted, got.status, string(got.body))
	until(t, "an end as undone", func() (bool, any) { v = b.view(t, id); return v.Outcome == event.OutcomeUndone, v.Timeline })
	require.Equal(t, "128Mi", b.memory(t, namespace))
	require.Len(t, b.mutations(namespace), 2)
	require.True(t, v.Undo == nil, "what is undone cannot be undone: %+v", v.Undo)
	again := b.ask(t, http.MethodPost, "/api/v1/remediations/"+id+"/undo", `{}`)
	require.Equal(t, http.StatusConflict, again.status)
	require.Equal(t, "already_undone", problem(t, again))
	require.Len(t, b.mutations(namespace), 2)
}

// TestPauseHoldsAndNobodyAnswers has a system of its own: a pause is for all.
func TestPauseHoldsAndNobodyAnswers(t *testing.T) {
	t.Parallel()
	b := start(t, system.Options{Settings: map[string]string{stage.EnvApprovalWithin: "1s"}})
	got := b.ask(t, http.MethodPost, "/api/v1/pause", `{"reason": "Change freeze."}`)
	require.Equal(t, http.StatusOK, got.status, string(got.body))
	const namespace = "frozen"
	b.sick(t, namespace, workload{})
	a := oomKilled(namespace)
	id := b.opened(t, a)
	v := b.held(t, id)
	require.Equal(t, "paused", v.Held.Reason)
	require.Contains(t, v.Reasons[len(v.Reasons)-1], "Change freeze.")
	v = b.ended(t, id)
	require.Equal(t, event.OutcomeExpired, v.Outcome)
	late := b.ask(t, http.MethodPost, "/api/v1/remediations/"+id+"/approve", `{}`)
	require.Contains(t, []string{"not_held", "approval_expired"}, problem(t, late), "which, tells whether the hold is still remembered")
	b.idle(t)
	require.Empty(t, b.mutations(namespace))

	t.Run("once resumed, the next is decided by policy", func(t *testing.T) {
		require.Equal(t, http.StatusOK, b.ask(t, http.MethodPost, "/api/v1/resume", "").status)
		b.sick(t, "thawed", workload{})
		b.opened(t, oomKilled("thawed"))
		until(t, "healed workload", func() (bool, any) { return b.healthy(t, "thawed"), nil })
		require.Len(t, b.mutations("thawed"), 1)
	})
}

func TestAnExpiredDecisionIsRefused(t *testing.T) {
	t.Parallel()
	// A system of its own, whose holds outlast the slowest machine.
	start(t, system.Options{}).attacksLate(t)
}

func TestDryRunLeavesNothingAndSaysSo(t *testing.T) {
	t.Parallel()
	b := start(t, system.Options{DryRun: true, Stabilization: 500 * time.Millisecond})
	const namespace = "tried"
	b.sick(t, namespace, workload{})
	id := b.opened(t, oomKilled(namespace))
	v := b.ended(t, id)
	require.Equal(t, event.OutcomeDryRun, v.Outcome)
	require.Empty(t, b.Cluster().Mutations())
	require.NotEmpty(t, b.Cluster().DryRuns(), "the API server was asked to try")
	require.Equal(t, "128Mi", b.memory(t, namespace))
	require.True(t, v.DryRun)
	require.NotEmpty(t, v.Changes, "what would change")
	require.Nil(t, v.Undo, "there is nothing to undo")
}
