package pipeline_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/local/replay"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/history"
	"kubernaut.ai/shared/timeline"
)

const samplesDir = root + "/local/samples"

func (b *bed) runner() replay.Runner {
	return replay.Runner{System: b.System, Client: http.DefaultClient, Now: time.Now}
}

func (b *bed) samples(t *testing.T) {
	stories, err := replay.Load(samplesDir)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(stories), 9)
	for _, s := range stories {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			result, err := b.runner().Run(t.Context(), s)
			require.NoError(t, err)
			require.Empty(t, result.Wrong, "%+v", result.Remediations)
			golden(t, filepath.Join("testdata", s.Name+".golden"), told(result))
			for _, v := range result.Remediations {
				b.keepsItsWord(t, v)
			}
		})
	}
}

// keepsItsWord asks for the undo that a view offers, whichever step it is of, and
// for that of the step before, as the view says, until none is offered. Whoever
// asks again for what was taken back gets nothing else taken back.
func (b *bed) keepsItsWord(t *testing.T, v timeline.View) {
	t.Helper()
	for undone := 1; v.Undo != nil && v.Undo.Possible; undone++ {
		method, how, _ := strings.Cut(v.Undo.How, " ")
		path, body, _ := strings.Cut(how, " ")
		got := b.ask(t, method, path, body)
		require.Equal(t, http.StatusAccepted, got.status, string(got.body))
		until(t, fmt.Sprintf("undo %d of %s", undone, v.ID), func() (bool, any) {
			entries, err := b.History().Timeline(t.Context(), v.ID)
			require.NoError(t, err)
			return undos(entries) == undone && timeline.Whole(entries), entries
		})
		// What it is told of is all there now, and no less a moment later.
		v = b.view(t, v.ID)
		require.Equal(t, "already_undone", problem(t, b.ask(t, method, path, "")))
	}
}

// undos counts the ends that say that something was taken back.
func undos(entries []history.Entry) (n int) {
	for _, e := range entries {
		if e.Type == event.RemediationClosed && e.Outcome == event.OutcomeUndone {
			n++
		}
	}
	return n
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run with -update to write it")
	require.Equal(t, string(want), got)
}

// told is a story without what differs from run to run: times, ids, names
// that the cluster makes up, and what happened to be seen at the moment.
func told(r replay.Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", r.Story.Title)
	for _, v := range r.Remediations {
		fmt.Fprintf(&b, "%s on %s: %s (%s), priority %s in %s\n", v.Alert, v.Target, v.Outcome, v.Reason, v.Priority, v.Environment)
		var aside []string
		for _, l := range v.Timeline {
			switch l.Type {
			case event.ShortType(event.SignalResolved):
				// It comes when it comes, beside the chain of causes.
				aside = append(aside, l.Type)
			case event.ShortType(event.SignalSuppressed):
				// A sender that had to post twice is a duplicate of its own.
			default:
				fmt.Fprintf(&b, "  %-9s %s\n", l.Stage, strings.TrimSpace(l.Type+"  "+stable(l)))
			}
		}
		slices.Sort(aside)
		fmt.Fprintf(&b, "beside: %s\n", strings.Join(slices.Compact(aside), ", "))
		if v.Undo != nil {
			fmt.Fprintf(&b, "undo: %s\n", hash.ReplaceAllString(v.Undo.Summary, "-<hash>"))
		}
	}
	if len(r.Remediations) == 0 {
		fmt.Fprintf(&b, "no remediation: %s\n", r.Reason)
	}
	return b.String()
}

var (
	hash    = regexp.MustCompile(`-[0-9a-f]{8,10}\b`)
	by      = regexp.MustCompile(`^(approved by )\S+(:.*; )\S+ approved`)
	person  = regexp.MustCompile(`^\S+( approved| refused)`)
	verdict = regexp.MustCompile(`^(\w+), score [0-9.]+: (\w+).*$`)
	score   = regexp.MustCompile(`: score .*$`)
)

// stable is the part of a line that is the same in every run.
func stable(l timeline.Line) string {
	text := hash.ReplaceAllString(l.Summary, "-<hash>")
	switch l.Type {
	case event.ShortType(event.SignalEnriched):
		return "" // how many pods were how ill just then
	case event.ShortType(event.RemediationApproved):
		return by.ReplaceAllString(text, "$1<person>$2<person> approved")
	case event.ShortType(event.ApprovalGranted):
		return person.ReplaceAllString(text, "<person>$1")
	case event.ShortType(event.EffectivenessAssessed):
		return verdict.ReplaceAllString(text, "$1: $2")
	case event.ShortType(event.RemediationClosed):
		return score.ReplaceAllString(text, "")
	}
	return text
}
