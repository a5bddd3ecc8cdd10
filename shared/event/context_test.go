package event_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
)

func TestOrdinal(t *testing.T) {
	for name, c := range map[string]struct {
		pod  string
		want int32
		ok   bool
	}{
		"a member":                         {"db-2", 2, true},
		"a name with several parts":        {"kafka-broker-11", 11, true},
		"a ReplicaSet's pod":               {"cart-6d5f7c9b8d-x2x4q", 0, false},
		"a name without a number":          {"web", 0, false},
		"a number that is no member's":     {"db-99999999999", 0, false},
		"a name that ends where it begins": {"-", 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			n, ok := event.Ordinal(c.pod)
			require.Equal(t, c.ok, ok)
			if ok {
				require.Equal(t, c.want, n)
			}
		})
	}
}
