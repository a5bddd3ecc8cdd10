package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/local/terminal"
)

// freeAddress is one at which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String()
}

func TestAFunctionThatIsNotThereIsBlamedByItsAddress(t *testing.T) {
	there, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = there.Close() })
	gone := freeAddress(t)
	o, err := parse([]string{"--once", "--function", "enrich=http://" + there.Addr().String() + "/,classify=http://" + gone + "/"}, environment(nil), io.Discard)
	require.NoError(t, err)
	o.patience = time.Millisecond
	var out bytes.Buffer
	err = o.awaitElsewhere(t.Context(), terminal.Plain(&out))
	require.ErrorContains(t, err, "--function: nobody listens at http://"+gone+"/ for classify: ")
	require.NotContains(t, err.Error(), "enrich")
	require.Contains(t, out.String(), "func run --address HOST:PORT")
	require.Contains(t, o.blame(t.Context(), errors.New("it took too long")), "it took too long; nobody listens at http://"+gone+"/ for classify")
}

func TestAFunctionThatComesLaterIsWaitedFor(t *testing.T) {
	address := freeAddress(t)
	o, err := parse([]string{"--function", "classify=http://" + address}, environment(nil), io.Discard)
	require.NoError(t, err)
	o.patience = 0 // which is for --once only
	// The note that it is waited for is what starts it.
	var l net.Listener
	starts := writer(func(p []byte) (int, error) {
		var err error
		if l == nil {
			l, err = net.Listen("tcp", address)
		}
		return len(p), err
	})
	require.NoError(t, o.awaitElsewhere(t.Context(), terminal.Plain(starts)))
	require.NoError(t, l.Close())

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, o.awaitElsewhere(ctx, terminal.Plain(io.Discard)), context.Canceled)
}

type writer func(p []byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }
