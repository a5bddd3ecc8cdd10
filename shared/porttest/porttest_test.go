package porttest_test

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/porttest"
)

func TestAFreePortCanBeListenedOnAndIsNoneThatTheSystemGivesAway(t *testing.T) {
	const lowest = 32768 // of Linux's net.ipv4.ip_local_port_range
	for range 100 {
		port, err := porttest.Free()
		require.NoError(t, err)
		require.Less(t, port+porttest.Beside, lowest)
		for _, p := range []int{port, port + porttest.Beside} {
			listener, err := net.Listen("tcp", porttest.Address(p))
			require.NoError(t, err)
			defer func() { _ = listener.Close() }()
		}
	}
}
