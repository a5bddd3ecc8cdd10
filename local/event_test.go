package main

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
)

// printed runs --event and returns what it printed.
func printed(t *testing.T, dir, eventType string) (string, error) {
	t.Helper()
	o, err := parse([]string{"--event", eventType, "--dir", dir, "--root", ".."}, environment(nil), io.Discard)
	require.NoError(t, err)
	o.out, err = os.CreateTemp(t.TempDir(), "out")
	require.NoError(t, err)
	defer func() { _ = o.out.Close() }()
	_, err = o.do(t.Context())
	said, readErr := os.ReadFile(o.out.Name())
	require.NoError(t, readErr)
	return string(said), err
}

func TestEveryTypesEventIsPrintedWithASealOfThisFleet(t *testing.T) {
	dir := t.TempDir()
	for _, entry := range event.Catalogue() {
		t.Run(event.ShortType(entry.Type), func(t *testing.T) {
			text, err := printed(t, dir, event.ShortType(entry.Type))
			require.NoError(t, err)
			var e cloudevents.Event
			require.NoError(t, e.UnmarshalJSON([]byte(text)))
			require.NoError(t, e.Validate())
			require.Equal(t, entry.Type, e.Type())
			public, err := os.ReadFile(filepath.Join(dir, "keys", "public"))
			require.NoError(t, err)
			ring, err := event.ParseKeyring(string(public))
			require.NoError(t, err)
			require.NoError(t, ring.Verify(e))
			again, err := printed(t, dir, entry.Type)
			require.NoError(t, err)
			require.NotEqual(t, text, again, "another event each time")
		})
	}
}

func TestATypeThatIsNotThereIsNamedWithThoseThatAre(t *testing.T) {
	_, err := printed(t, t.TempDir(), "signal.enrichd")
	require.ErrorContains(t, err, `"signal.enrichd"; there are signal.received,`)
}
