package signal_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/signal"
)

func TestUrgencyOrdersSeverities(t *testing.T) {
	ordered := []string{signal.SeverityUnknown, signal.SeverityLow, signal.SeverityMedium, signal.SeverityHigh, signal.SeverityCritical}
	for i, severity := range ordered {
		require.Equal(t, i, signal.Urgency(severity))
		require.Equal(t, severity, signal.SeverityOf(i))
	}
	require.Zero(t, signal.Urgency("page"), "only normalised severities are ordered")
	require.Equal(t, signal.SeverityUnknown, signal.SeverityOf(-1))
	require.Equal(t, signal.SeverityUnknown, signal.SeverityOf(len(ordered)))
}
