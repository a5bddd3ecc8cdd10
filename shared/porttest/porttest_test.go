package porttest_test

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/porttest"
)

func TestAFreePortCanBeListenedOnAndIsNoneThatTheSystemGivesAway(t *testing.T) {
	const lowest, kubernetes = 32768, 10260 // of net.ipv4.ip_local_port_range, and of the control plane's ports
	for range 100 {
		port, err := porttest.Free()
		require.NoError(t, err)
		require.Less(t, port+porttest.Beside, lowest)
		require.Greater(t, port, kubernetes)
		for _, p := range []int{port, port + porttest.Beside} {
			listener, err := net.Listen("tcp", porttest.Address(p))
			require.NoError(t, err)
			defer func() { _ = listener.Close() }()
		}
	}
}
