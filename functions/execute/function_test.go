package function

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/event/eventtest"
	"kubernaut.ai/shared/stage"
)

func TestEachOutcomeIsToldByItsEvent(t *testing.T) {
	cases := []struct {
		name     string
		result   Result
		want     string
		end      string
		detached bool
	}{
		{"an applied action", Result{Execution: event.Execution{Outcome: event.ExecutionApplied}}, event.RemediationExecuted, "", false},
		{"a dry run", Result{Execution: event.Execution{Outcome: event.ExecutionDryRun}}, event.RemediationExecuted, "", false},
		{"nothing to change", Result{Execution: event.Execution{Outcome: event.ExecutionNothing}}, event.RemediationExecuted, "", false},
		{"an undo after the end", Result{Execution: event.Execution{Outcome: event.ExecutionUndone}, Detached: true}, event.RemediationExecuted, "", true},
		{"a refusal", Result{Execution: event.Execution{Outcome: event.ExecutionRefused, Reason: ReasonPDB}}, event.RemediationFailed, event.OutcomeFailed, false},
		{"an alert that stopped first", Result{Execution: event.Execution{Outcome: event.ExecutionRefused, Reason: ReasonResolved}}, event.RemediationFailed, event.OutcomeCancelled, false},
		{"a turn of several", Result{Next: &event.Progress{Turn: 2}}, event.ExecutionContinued, "", false},
		{"a claim that was lost", Result{Ended: true}, "", "", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := reply(c.result)
			require.Equal(t, c.want, r.Type)
			require.Equal(t, c.detached, r.Detached)
			for _, s := range r.Sections {
				if s.Name == event.SectionEnd {
					require.Equal(t, c.end, s.Value.(event.End).Outcome)
					require.Equal(t, c.result.Execution.Reason, s.Value.(event.End).Reason)
					c.end = ""
				}
			}
			require.Empty(t, c.end, "an end is told where there is one")
		})
	}
}

func TestThatAnActionWasTakenBackIsToldWhoeverHoldsTheClaim(t *testing.T) {
	down := errors.New("redis is down")
	undone := Result{Execution: event.Execution{Outcome: event.ExecutionUndone}}
	for name, c := range map[string]struct{ tracked, want error }{
		"its remediation":                  {nil, nil},
		"another, or nobody any more":      {fmt.Errorf("%w: settled", stage.ErrSuperseded), nil},
		"nobody knows, so it is said then": {down, down},
	} {
		t.Run(name, func(t *testing.T) {
			tracked := 0
			h := handler{track: func(context.Context, cloudevents.Event, time.Duration) error { tracked++; return c.tracked }}
			out := h.told(undone)
			require.True(t, out.Detached)
			require.ErrorIs(t, out.Before(t.Context(), eventtest.Sample(event.RemediationExecuted)), c.want)
			require.Equal(t, 1, tracked)
		})
	}
	undone.Detached = true
	require.Nil(t, handler{}.told(undone).Before, "an undo after the end moves no claim")
	require.False(t, handler{}.told(Result{Execution: event.Execution{Outcome: event.ExecutionApplied}}).Detached)
}

func TestSettingsAreReadAndMistakesNamed(t *testing.T) {
	s, err := settings(stage.NewConfig(map[string]string{EnvMaxMemory: "2Gi", EnvMaxCPU: "500m", EnvHPAMaxCap: "7", EnvObserveWithin: "1s"}))
	require.NoError(t, err)
	require.Equal(t, "2Gi", s.Caps.Memory.String())
	require.Equal(t, "500m", s.Caps.CPU.String())
	require.Equal(t, 7, s.Caps.Autoscaler)
	require.Equal(t, time.Second, s.ObserveWithin)

	_, err = settings(stage.NewConfig(map[string]string{EnvMaxMemory: "lots", EnvMaxCPU: "0"}))
	require.ErrorContains(t, err, EnvMaxMemory)
	require.ErrorContains(t, err, EnvMaxCPU)
}
