package scenario

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// failing is a test whose failure is looked at.
type failing struct {
	testing.TB
	said string
}

func (f *failing) Helper()                           {}
func (f *failing) Errorf(format string, args ...any) { f.said += fmt.Sprintf(format, args...) }
func (f *failing) FailNow()                          { runtime.Goexit() }

func TestAWaitEndsAtOnceWhenTheScenariosAreToldToEnd(t *testing.T) {
	before := told
	t.Cleanup(func() { told = before })
	ctx, tell := context.WithCancel(t.Context())
	told = ctx
	f := &failing{TB: t}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		until(f, "what never happens", func(context.Context) (bool, any) { tell(); return false, "so far" })
	}()
	<-ended
	require.Contains(t, f.said, "what never happens")
	require.Contains(t, f.said, errTold.Error())
	require.Contains(t, f.said, "so far")
}
