package stage

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
)

func TestACooldownIsByHowARemediationEnded(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want map[string]time.Duration // what differs from the default
	}{
		"nothing said":                {"", nil},
		"of a healed target":          {"90s", map[string]time.Duration{event.OutcomeHealed: 90 * time.Second}},
		"by outcome":                  {"rejected=2h", map[string]time.Duration{event.OutcomeRejected: 2 * time.Hour}},
		"both, and a failure at once": {"1m, failed=0s,dry_run=1h", map[string]time.Duration{event.OutcomeHealed: time.Minute, event.OutcomeFailed: 0, event.OutcomeDryRun: time.Hour}},
	} {
		t.Run(name, func(t *testing.T) {
			config := NewConfig(map[string]string{EnvCooldown: c.text})
			got := config.cooldowns()
			require.NoError(t, config.Err())
			for outcome, usual := range defaultCooldowns {
				want, changed := c.want[outcome]
				if !changed {
					want = usual
				}
				require.Equal(t, want, got[outcome], outcome)
			}
		})
	}
	require.Equal(t, 5*time.Minute, NewConfig(nil).cooldowns()[event.OutcomeHealed])
}

func TestACooldownThatCannotBeStopsTheStart(t *testing.T) {
	for name, c := range map[string]struct{ text, says string }{
		"no duration":              {"soon", "soon"},
		"an outcome that is none":  {"helaed=5m", `no remediation ends as "helaed"; they end as cancelled, dry_run,`},
		"a time that has gone":     {"-5m", "neither 0s nor within"},
		"more than Redis keeps":    {"rejected=99999h", "neither 0s nor within"},
		"less than Redis can tell": {"1us", "neither 0s nor within"},
		"an empty part":            {"5m,", "duration"},
	} {
		t.Run(name, func(t *testing.T) {
			config := NewConfig(map[string]string{EnvCooldown: c.text})
			config.cooldowns()
			require.ErrorContains(t, config.Err(), c.says)
			require.True(t, strings.HasPrefix(config.Err().Error(), "setting COOLDOWN:"))
		})
	}
}
