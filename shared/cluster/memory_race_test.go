package cluster

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Between a look at the memory and the fetch somebody else may have fetched.
func TestWhatSomebodyElseHasJustFetchedIsNotFetchedAgain(t *testing.T) {
	var m memory[int]
	start := time.Date(2026, 1, 5, 3, 0, 0, 0, time.UTC)
	fetches := 0
	q := question[int]{
		now:   func() time.Time { return start },
		fetch: func(context.Context) (int, error) { fetches++; return fetches, nil },
		knows: func(int) bool { return false },
		miss:  patience{fresh: time.Minute, stale: time.Minute},
	}
	got, err := m.get(t.Context(), q)
	require.NoError(t, err)
	require.Equal(t, 1, got)

	other := q
	other.now = func() time.Time { return start.Add(time.Hour) }
	late := other
	late.now = func() time.Time {
		got, err := m.get(t.Context(), other) // right after the look
		require.NoError(t, err)
		require.Equal(t, 2, got)
		return start.Add(time.Hour)
	}
	got, err = m.get(t.Context(), late)
	require.NoError(t, err)
	require.Equal(t, 2, got)
	require.Equal(t, 2, fetches)
}
