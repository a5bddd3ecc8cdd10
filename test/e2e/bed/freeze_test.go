package bed

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatWaitsOnAConnectionIsCounted(t *testing.T) {
	for _, test := range []struct {
		name, line string
		unread     int
	}{
		{"a request that was not read", "   3: 0100007F:1F90 0100007F:C4D2 01 00000000:0000034A 00:00000000 00000000     0        0 41 1", 0x34a},
		{"the same over IPv6", "   3: 0000000000000000FFFF00000100007F:1F90 0000000000000000FFFF00000100007F:C4D2 01 00000000:00000010 00:00000000 00000000 0 0 41 1", 0x10},
		{"a connection of another port", "   3: 0100007F:1F91 0100007F:C4D2 01 00000000:0000034A 00:00000000 00000000     0        0 41 1", 0},
		{"a listener, whose queue counts connections", "   0: 00000000:1F90 00000000:0000 0A 00000000:00000002 00:00000000 00000000     0        0 41 1", 0},
		{"the heading", "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode", 0},
		{"nothing", "", 0},
	} {
		t.Run(test.name, func(t *testing.T) { require.Equal(t, test.unread, unreadOf(test.line, 8080)) })
	}
}
