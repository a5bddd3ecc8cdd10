package execute_test

import (
	"encoding/base64"
	"path/filepath"
	"strings"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/action"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/stage"

	execute "kubernaut.ai/functions/execute"
)

func seed(b byte) []byte { return []byte(strings.Repeat(string(b), 32)) }

// started is the stage as it runs in production, and the key of authorize.
func (l *lab) started() (*stage.Function, event.SealingKey) {
	l.t.Helper()
	own, err := event.NewSealingKey(seed('e'))
	require.NoError(l.t, err)
	authorize, err := event.NewSealingKey(seed('a'))
	require.NoError(l.t, err)
	kubeconfig := filepath.Join(l.t.TempDir(), "config")
	require.NoError(l.t, l.cluster.WriteKubeconfig(kubeconfig))
	f := execute.New()
	require.NoError(l.t, f.Start(l.t.Context(), map[string]string{
		stage.EnvRedis: l.redis.URL(), stage.EnvKubeconfig: kubeconfig, execute.EnvObserveWithin: "1ms",
		stage.EnvSealPrivate: base64.StdEncoding.EncodeToString(seed('e')),
		stage.EnvSealPublic:  "execute " + own.Public() + "\nauthorize " + authorize.Public(),
		stage.EnvLogLevel:    "error",
	}))
	l.t.Cleanup(func() { require.NoError(l.t, f.Stop(l.t.Context())) })
	return f, authorize
}

// approved is the event that authorize would have answered.
func (l *lab) approved(key event.SealingKey, r execute.Request) cloudevents.Event {
	l.t.Helper()
	return l.sealed(key, event.RemediationApproved, r)
}

// sealed is an event of authorize with the request's decision.
func (l *lab) sealed(key event.SealingKey, eventType string, r execute.Request) cloudevents.Event {
	l.t.Helper()
	doc, err := event.Document{}.With(event.Section{Name: event.SectionProposal, Value: r.Proposal})
	require.NoError(l.t, err)
	r.Decision.Proposal = doc.Digest(event.SectionProposal)
	r.Decision.DecidedAt, r.Decision.ExpiresAt = time.Now(), time.Now().Add(time.Minute)
	e, err := event.New(event.Draft{Type: eventType, Stage: event.StageAuthorize, Namespace: "kubernaut-system",
		Cause: r.Remediation.ID, Document: doc, Target: r.Decision.Target, Correlation: r.Remediation.ID,
		Fingerprint: r.Remediation.Fingerprint, Now: time.Now(), Sections: []event.Section{
			{Name: event.SectionRemediation, Value: r.Remediation}, {Name: event.SectionSignal, Value: r.Signal},
			{Name: event.SectionDecision, Value: r.Decision}}})
	require.NoError(l.t, err)
	require.NoError(l.t, key.Seal(&e))
	return e
}

func TestTheStageAnswersAnApprovedEventOnceWithTheSameReply(t *testing.T) {
	l := newLab(t, shop)
	l.ready("web")
	f, authorize := l.started()
	e := l.approved(authorize, l.request(action.ScaleDeployment, deployment("web"), map[string]any{"replicas": 4}))
	first, err := f.Take(t.Context(), e)
	require.NoError(t, err)
	require.Equal(t, event.RemediationExecuted, first.Type())
	again, err := f.Take(t.Context(), e)
	require.NoError(t, err)
	require.Equal(t, first.Data(), again.Data(), "a redelivery gets the recorded reply")
	require.Len(t, l.writes(), 1)
}

func TestTheStageRefusesWhatAuthorizeDidNotSeal(t *testing.T) {
	l := newLab(t, shop)
	l.ready("web")
	f, authorize := l.started()
	r := l.request(action.ScaleDeployment, deployment("web"), map[string]any{"replicas": 4})
	stranger, err := event.NewSealingKey(seed('x'))
	require.NoError(t, err)

	forged := l.approved(stranger, r)
	altered := l.approved(authorize, r)
	altered.DataEncoded = []byte(strings.Replace(string(altered.Data()), `"replicas":4`, `"replicas":40`, -1))
	for name, e := range map[string]cloudevents.Event{"a stranger's seal": forged, "data that was altered": altered} {
		reply, err := f.Take(t.Context(), e)
		require.Error(t, err, name)
		require.Nil(t, reply, name)
	}
	require.Empty(t, l.writes())
}

func TestARefusalEndsTheRemediationWithItsReason(t *testing.T) {
	l := newLab(t, shop)
	l.ready("web")
	f, authorize := l.started()
	e := l.approved(authorize, l.request(action.ScaleDeployment, deployment("web"), map[string]any{"replicas": 51}))
	reply, err := f.Take(t.Context(), e)
	require.NoError(t, err)
	require.Equal(t, event.RemediationFailed, reply.Type())
	require.Contains(t, string(reply.Data()), execute.ReasonOverCap)
	claim, err := l.redis.Ledger(t).Get(t.Context(), fingerprint)
	require.NoError(t, err)
	require.Equal(t, event.OutcomeFailed, claim.Outcome)
}
