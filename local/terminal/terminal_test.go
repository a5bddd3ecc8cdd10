package terminal

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/timeline"
)

var opened = time.Date(2026, 1, 5, 3, 0, 0, 0, time.UTC)

func view() timeline.View {
	ended := opened.Add(4200 * time.Millisecond)
	return timeline.View{ID: "r-1", Alert: "KubePodCrashLooping", Target: "shop/Deployment/checkout", Ended: true, Outcome: "healed",
		OpenedAt: opened, EndedAt: &ended, Duplicates: 2,
		Undo: &timeline.Undo{Possible: true, Summary: "Rolls forward.", How: "POST /api/v1/remediations/r-1/undo"},
		Timeline: []timeline.Line{
			{Stage: "gateway", Summary: "KubePodCrashLooping on shop/Deployment/checkout"},
			{Stage: "execute", Took: 1500 * time.Microsecond, Summary: "applied\x1b[2J\nspec.replicas 1 → 2"}}}
}

func printed(p func(*Printer)) string {
	var out bytes.Buffer
	p(Plain(&out))
	return out.String()
}

func TestATimelineIsCompactAndPlainWithoutATerminal(t *testing.T) {
	require.Equal(t, `  KubePodCrashLooping on shop/Deployment/checkout  r-1
    gateway        0 ms  KubePodCrashLooping on shop/Deployment/checkout
    execute      1.5 ms  applied[2J spec.replicas 1 → 2
  HEALED in 4.2 s, 2 duplicates counted
  undo:   Rolls forward.  POST /api/v1/remediations/r-1/undo
`, printed(func(p *Printer) { p.Timeline(view()) }), "control characters of a stranger's text do not reach the terminal")
}

func TestColourIsOnlyPaint(t *testing.T) {
	var out bytes.Buffer
	p := &Printer{out: &out, colour: true}
	p.Title("Title")
	p.Timeline(view())
	p.Wrong("no")
	text := out.String()
	require.Contains(t, text, "\x1b[32mHEALED\x1b[0m")
	for _, code := range []string{bold, dim, red, green, yellow, cyan} {
		text = strings.ReplaceAll(text, "\x1b["+code+"m", "")
	}
	require.Equal(t, printed(func(p *Printer) {
		p.Title("Title")
		p.Timeline(view())
		p.Wrong("no")
	}), strings.ReplaceAll(text, "\x1b[0m", ""))
}

func TestAFileIsNoTerminal(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "out")
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	require.False(t, New(f).colour)
}

func TestTheVerdictSaysHowItStands(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*timeline.View)
		want   []string
		not    string
	}{
		"held": {func(v *timeline.View) {
			v.Ended, v.Undo = false, nil
			v.Held = &timeline.Held{Reason: "gitops_owned", Approve: "POST /approve", Refuse: "POST /refuse"}
		}, []string{"HELD  gitops_owned", "answer: POST /approve   or   POST /refuse"}, "undo:"},
		"under way": {func(v *timeline.View) { v.Ended, v.Phase = false, "signal.enriched" }, []string{"UNDER WAY  signal.enriched"}, "HEALED"},
		"failed": {func(v *timeline.View) { v.Outcome, v.Reason, v.Duplicates = "failed", "target_gone", 0 },
			[]string{"FAILED in 4.2 s: target_gone"}, "duplicates"},
		"tried only": {func(v *timeline.View) { v.Outcome, v.Reason, v.DryRun, v.Undo = "dry_run", "dry_run", true, nil },
			[]string{"DRY RUN in 4.2 s, 2 duplicates counted: nothing was changed"}, "undo:"},
		"one duplicate":    {func(v *timeline.View) { v.Duplicates = 1 }, []string{", 1 duplicate counted"}, "duplicates"},
		"cannot be undone": {func(v *timeline.View) { v.Undo = &timeline.Undo{Summary: "Pods are gone."} }, []string{"undo:   Pods are gone."}, "POST"},
	} {
		t.Run(name, func(t *testing.T) {
			v := view()
			c.change(&v)
			got := printed(func(p *Printer) { p.Timeline(v) })
			for _, want := range c.want {
				require.Contains(t, got, want)
			}
			require.NotContains(t, got, c.not)
		})
	}
}

func TestTookIsWhatPeopleRead(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0 ms", 0: "0 ms", 1234 * time.Microsecond: "1.2 ms", 42 * time.Millisecond: "42 ms",
		999 * time.Millisecond: "999 ms", 1500 * time.Millisecond: "1.5 s", 61 * time.Second: "1m1s",
	} {
		require.Equal(t, want, Took(d))
	}
}

func TestALineIsCutAtItsBoundInRunes(t *testing.T) {
	require.Len(t, []rune(cut(strings.Repeat("ä", maxLine+10))), maxLine)
	require.Equal(t, strings.Repeat("ä", maxLine), cut(strings.Repeat("ä", maxLine)))
}
