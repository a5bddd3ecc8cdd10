package bed

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheGuardsOwnRulesPassItsProof(t *testing.T) {
	require.Empty(t, absentRules(guardRules))
}

func TestAGuardWithoutOneOfItsRulesIsNoGuard(t *testing.T) {
	for _, comment := range guardComments {
		t.Run(comment, func(t *testing.T) {
			var without []string
			for line := range strings.Lines(guardRules) {
				if !strings.Contains(line, `"`+comment+`"`) {
					without = append(without, line)
				}
			}
			require.Equal(t, []string{comment}, absentRules(strings.Join(without, "")))
		})
	}
}

func TestARuleThatLetsThroughIsNotCounted(t *testing.T) {
	tame := strings.ReplaceAll(guardRules, "counter reject comment \"forward-out\"", "counter accept comment \"forward-out\"")
	require.Equal(t, []string{"forward-out"}, absentRules(tame))
}

func TestEveryAddressOfTheClusterIsGuarded(t *testing.T) {
	space, services := netip.MustParsePrefix(podSpace), netip.MustParsePrefix(serviceRange)
	for name, text := range map[string]string{"pods": podRange, "fake pods": fakeRange} {
		inner := netip.MustParsePrefix(text)
		require.True(t, space.Contains(inner.Addr()) && inner.Bits() >= space.Bits(), name)
	}
	for name, text := range map[string]string{"api": firstService, "dns": dnsService, "ingress": ingressIP} {
		require.True(t, services.Contains(netip.MustParseAddr(text)), name)
	}
	require.True(t, netip.MustParsePrefix(podRange).Contains(netip.MustParseAddr(gateway)))
	require.False(t, netip.MustParsePrefix(podRange).Overlaps(netip.MustParsePrefix(fakeRange)), "no pod of the real node has a fake one's address")
}
