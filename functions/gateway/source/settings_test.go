package source

import (
	"testing"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/signal"
	"kubernaut.ai/shared/stage"
)

// FuzzEventReasons reads whatever somebody sets: what is taken gives each reason
// a severity, and anything else names the setting.
func FuzzEventReasons(f *testing.F) {
	for _, seed := range []string{DefaultEventReasons, "BackOff", "BackOff=high, Failed = low", "=high", "BackOff=", ",", "BackOff=HIGH", "a=b=c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rules, err := readEventRules(stage.NewConfig(map[string]string{EnvEventReasons: text}))
		if err != nil {
			require.ErrorContains(t, err, EnvEventReasons)
			return
		}
		require.NotEmpty(t, rules.severities)
		for reason, severity := range rules.severities {
			require.NotEmpty(t, reason)
			require.Contains(t, []string{signal.SeverityCritical, signal.SeverityHigh, signal.SeverityMedium, signal.SeverityLow}, severity)
		}
	})
}
