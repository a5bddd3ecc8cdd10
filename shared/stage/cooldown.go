package stage

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/ledger"
)

// cooldowns are, by how a remediation ended, for how long its target's alerts
// are counted instead of opening a new one. Zero re-arms at once.
type cooldowns map[string]time.Duration

var defaultCooldowns = cooldowns{
	event.OutcomeHealed:    DefaultCooldown,
	event.OutcomeCancelled: 0,
	event.OutcomeUnhealed:  0,
	event.OutcomeUndone:    time.Hour,
	event.OutcomeDryRun:    15 * time.Minute,
	event.OutcomeFailed:    15 * time.Minute,
	event.OutcomeRejected:  30 * time.Minute,
	event.OutcomeExpired:   30 * time.Minute,
	event.OutcomeNotified:  time.Hour,
	event.OutcomeEscalated: time.Hour,
}

// cooldowns reads COOLDOWN: durations by outcome, such as
// "5m,rejected=2h,failed=0s", where one without an outcome is that of a healed
// target. What it leaves out is as ever.
func (c *Config) cooldowns() cooldowns {
	return parse(c, EnvCooldown, defaultCooldowns, func(text string) (cooldowns, error) {
		all := maps.Clone(defaultCooldowns)
		for part := range strings.SplitSeq(text, ",") {
			outcome, value, named := strings.Cut(strings.TrimSpace(part), "=")
			if !named {
				outcome, value = event.OutcomeHealed, outcome
			}
			if _, ok := all[outcome]; !ok {
				return nil, fmt.Errorf("no remediation ends as %q; they end as %s", outcome, strings.Join(slices.Sorted(maps.Keys(all)), ", "))
			}
			d, err := time.ParseDuration(value)
			if err == nil && d != 0 && (d < time.Millisecond || d > ledger.MaxDuration) {
				err = fmt.Errorf("%s is neither 0s nor within 1ms and %s", d, ledger.MaxDuration)
			}
			if err != nil {
				return nil, err
			}
			all[outcome] = d
		}
		return all, nil
	})
}
