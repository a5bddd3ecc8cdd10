package function

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/event/eventtest"
	"kubernaut.ai/shared/ledger"
)

const recordAddress = "http://record.kubernaut-system.svc.cluster.local"

// fakeLetters keeps what it is given, and says what that removed.
type fakeLetters struct {
	put     []ledger.DeadLetter
	removed []ledger.RemovedLetter
}

func (f *fakeLetters) PutDeadLetter(_ context.Context, d ledger.DeadLetter) (ledger.DeadLettered, error) {
	f.put = append(f.put, d)
	return ledger.DeadLettered{Removed: f.removed}, nil
}

// listener hears what is dropped.
type listener struct {
	herald
	dropped [][2]string
}

func (l *listener) Drop(_ context.Context, reason, detail string) {
	l.dropped = append(l.dropped, [2]string{reason, detail})
}

func TestEveryLetterThatIsGoneIsToldOf(t *testing.T) {
	gone := func(why ledger.Removal) []ledger.RemovedLetter {
		return []ledger.RemovedLetter{{ID: "0a", Destination: "execute " + executeAddress, Remediation: "r-1", Why: why}, {ID: "0b", Why: why}}
	}
	said := []string{"letter 0a of execute " + executeAddress + ", remediation r-1", "letter 0b of a destination that cannot be read"}
	for name, c := range map[string]struct {
		destination, reason string
		removed             []ledger.RemovedLetter
		informs             bool
	}{
		"the oldest made room":                {executeAddress, ReasonFull, gone(ledger.RemovedFull), false},
		"the oldest of record made room":      {recordAddress, ReasonFullForRecord, gone(ledger.RemovedFull), true},
		"kept for long enough":                {executeAddress, ReasonTooOld, gone(ledger.RemovedOld), false},
		"kept for long enough, at record's":   {recordAddress, ReasonTooOld, gone(ledger.RemovedOld), true},
		"none is gone":                        {executeAddress, "", nil, false},
		"none is gone, of an unknown stage's": {"", "", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			letters, heard := &fakeLetters{removed: c.removed}, &listener{}
			w := newWorld(t)
			u := undertaker{letters: letters, claims: w.ledger, herald: heard, verify: eventtest.Keyring().Verify, now: time.Now}
			_, err := u.take(t.Context(), dead(event.RemediationFailed, c.destination))
			require.NoError(t, err)
			require.Len(t, letters.put, 1)
			require.Equal(t, c.informs, letters.put[0].Informs)
			var want [][2]string
			for n := range c.removed {
				want = append(want, [2]string{c.reason, said[n]})
			}
			require.Equal(t, want, heard.dropped)
		})
	}
}

// TestLettersOfRecordPushOutNoOther has PostgreSQL be away for so long that
// more of record's letters come than are kept.
func TestLettersOfRecordPushOutNoOther(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	w := newWorldThatLogs(t, "info", log)
	_, err := w.stage.Take(t.Context(), dead(event.RemediationApproved, executeAddress))
	require.NoError(t, err)
	for n := range ledger.MaxInforming {
		_, err := w.ledger.PutDeadLetter(t.Context(), ledger.DeadLetter{ID: fmt.Sprintf("r%04d", n), Event: []byte("{}"),
			Destination: "record " + recordAddress, Informs: true})
		require.NoError(t, err)
		w.redis.Advance(time.Millisecond)
	}
	_, err = w.stage.Take(t.Context(), dead(event.SignalReceived, recordAddress))
	require.NoError(t, err)
	all, err := w.ledger.DeadLetters(t.Context(), ledger.MaxDeadLetters)
	require.NoError(t, err)
	require.Equal(t, ledger.MaxInforming+1, len(all))
	require.Equal(t, "execute "+executeAddress, all[len(all)-1].Destination)
	require.Contains(t, dropped(t, log), [2]string{ReasonFullForRecord, "letter r0000 of record " + recordAddress})
}

// dropped is what a log says was dropped, with the details.
func dropped(t *testing.T, path string) (all [][2]string) {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var line struct{ Msg, Reason, Detail string }
		require.NoError(t, json.Unmarshal(lines.Bytes(), &line))
		if line.Msg == "dropped" {
			all = append(all, [2]string{line.Reason, line.Detail})
		}
	}
	return all
}
