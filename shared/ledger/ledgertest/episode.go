package ledgertest

import (
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/ledger"
)

// episodeTests are of failures that last, of which many reports are made.
var episodeTests = []test{
	{"a failure is one episode from its first report until one that it is well", episodeLasts},
	{"an end is told once, and after it was told again only to its own report", episodeTold},
	{"reports that come late say nothing", episodeLate},
	{"a failure after an end is another episode, told or not", episodeAgain},
	{"of reports at the same time the one that it is well holds", episodeSameTime},
	{"who says how things stand outweighs a contrary report of a while ago", episodeOutweighed},
	{"a report that is sent twice finds the same", episodeTwice},
	{"a day without a report forgets an episode", episodeForgotten},
	{"whose episodes last is found in one go", episodesFailing},
	{"reports at the same time by many are of one episode", episodeRace},
	{"a report that makes no sense is refused", episodeRefused},
}

// report takes one in that outlasts the test, unless it says otherwise.
func (s *suite) report(r ledger.Report) ledger.Episode {
	s.t.Helper()
	if r.Silence == 0 {
		r.Silence = long
	}
	e, err := s.l.Report(s.t.Context(), r)
	s.ok(err)
	return e
}

const failing = "f1"

func (s *suite) fails(at time.Duration) ledger.Episode {
	s.t.Helper()
	return s.report(ledger.Report{Alert: failing, At: episode.Add(at)})
}

func (s *suite) well(at time.Duration) ledger.Episode {
	s.t.Helper()
	return s.report(ledger.Report{Alert: failing, At: episode.Add(at), Well: true})
}

func lasts(since time.Duration) ledger.Episode {
	return ledger.Episode{State: ledger.EpisodeLasts, StartsAt: episode.Add(since)}
}

func over(since, until time.Duration) ledger.Episode {
	return ledger.Episode{State: ledger.EpisodeEnded, StartsAt: episode.Add(since), EndsAt: episode.Add(until)}
}

var past = ledger.Episode{State: ledger.EpisodePast}

func (s *suite) told(at time.Duration) {
	s.t.Helper()
	s.ok(s.l.ReportTold(s.t.Context(), failing, episode.Add(at)))
}

func episodeLasts(s *suite) {
	require.Equal(s.t, ledger.EpisodeUnknown, s.well(0).State, "nobody said that it failed")
	for _, at := range []time.Duration{time.Minute, 2 * time.Minute, time.Hour, 30 * time.Minute, time.Minute} {
		require.Equal(s.t, lasts(time.Minute), s.fails(at))
	}
	require.Equal(s.t, over(time.Minute, 2*time.Hour), s.well(2*time.Hour))
}

func episodeTold(s *suite) {
	s.fails(0)
	for range 2 {
		require.Equal(s.t, over(0, time.Minute), s.well(time.Minute))
	}
	require.Equal(s.t, over(0, time.Minute), s.well(time.Hour), "still to be told, at the time that was first said")
	s.told(time.Hour)
	require.Equal(s.t, over(0, time.Minute), s.well(time.Hour), "nothing of that time was to be told")
	s.told(time.Minute)
	require.Equal(s.t, ledger.EpisodeOver, s.well(time.Hour).State)
	require.Equal(s.t, over(0, time.Minute), s.well(time.Minute), "its answer may have been lost")
}

func episodeLate(s *suite) {
	s.fails(time.Minute)
	require.Equal(s.t, past, s.well(0), "it failed since")
	require.Equal(s.t, lasts(time.Minute), s.fails(time.Hour))
	require.Equal(s.t, past, s.well(2*time.Minute))
	require.Equal(s.t, over(time.Minute, 2*time.Hour), s.well(2*time.Hour))
	require.Equal(s.t, past, s.fails(time.Hour), "it is well since")
	s.well(4 * time.Hour)
	require.Equal(s.t, past, s.fails(3*time.Hour), "and was said to be later")
	require.Equal(s.t, lasts(5*time.Hour), s.fails(5*time.Hour))
}

func episodeAgain(s *suite) {
	for i, tell := range []bool{true, false} {
		from := time.Duration(i) * time.Hour
		require.Equal(s.t, lasts(from), s.fails(from))
		require.Equal(s.t, over(from, from+time.Minute), s.well(from+time.Minute))
		if tell {
			s.told(from + time.Minute)
		}
	}
	require.Equal(s.t, lasts(3*time.Hour), s.fails(3*time.Hour))
	s.told(time.Hour + time.Minute)
	require.Equal(s.t, lasts(3*time.Hour), s.fails(4*time.Hour), "what was told late is the end of the one before")
	require.Equal(s.t, over(3*time.Hour, 5*time.Hour), s.well(5*time.Hour))
}

func episodeSameTime(s *suite) {
	s.fails(0)
	require.Equal(s.t, over(0, 0), s.well(0))
	require.Equal(s.t, past, s.fails(0))
}

func episodeOutweighed(s *suite) {
	report := func(at time.Duration, well bool, outweighs time.Duration) ledger.Episode {
		s.t.Helper()
		return s.report(ledger.Report{Alert: failing, At: episode.Add(at), Well: well, Outweighs: outweighs})
	}
	require.Equal(s.t, lasts(0), report(0, false, s.Short))
	require.Equal(s.t, past, report(-time.Hour, true, long), "it was said a moment ago that it fails")
	s.Elapse(s.Short)
	require.Equal(s.t, past, s.well(-time.Hour), "of one report only the time counts")
	require.Equal(s.t, over(0, 0), report(-time.Hour, true, s.Short), "it ended no earlier than it failed last")
	s.told(0)
	require.Equal(s.t, past, report(0, false, long))
	s.Elapse(s.Short)
	again := lasts(time.Millisecond)
	require.Equal(s.t, again, report(0, false, s.Short), "it fails, and so after it was well")
	require.Equal(s.t, again, report(0, false, long))
	require.Equal(s.t, again, s.fails(time.Minute))
}

func episodeTwice(s *suite) {
	s.l = s.repeating()
	require.Equal(s.t, lasts(0), s.fails(0))
	require.Equal(s.t, over(0, time.Minute), s.well(time.Minute))
	s.told(time.Minute)
	require.Equal(s.t, ledger.EpisodeOver, s.well(time.Hour).State)
	s.Elapse(s.Short)
	require.Equal(s.t, lasts(time.Hour+time.Millisecond), s.report(ledger.Report{Alert: failing, At: episode, Outweighs: s.Short}))
	s.Elapse(s.Short)
	require.Equal(s.t, over(time.Hour+time.Millisecond, time.Hour+time.Millisecond),
		s.report(ledger.Report{Alert: failing, At: episode, Well: true, Outweighs: s.Short}))
}

func episodeForgotten(s *suite) {
	require.Equal(s.t, lasts(0), s.fails(0))
	brief := ledger.Report{Alert: failing, At: episode.Add(time.Minute), Silence: s.Short}
	require.Equal(s.t, lasts(0), s.report(brief))
	s.Elapse(s.Short)
	brief.At = episode.Add(time.Hour)
	require.Equal(s.t, lasts(time.Hour), s.report(brief), "another")
	moved := s.fails(2 * time.Hour)
	s.Elapse(s.Short)
	require.Equal(s.t, moved, s.fails(3*time.Hour), "each report moves it")
}

func episodesFailing(s *suite) {
	got, err := s.l.Failing(s.t.Context(), nil)
	s.ok(err)
	require.Empty(s.t, got)
	s.fails(0)
	s.report(ledger.Report{Alert: "told", At: episode})
	s.report(ledger.Report{Alert: "untold", At: episode})
	for _, id := range []string{"told", "untold"} {
		require.Equal(s.t, ledger.EpisodeEnded, s.report(ledger.Report{Alert: id, At: ended, Well: true}).State)
	}
	s.ok(s.l.ReportTold(s.t.Context(), "told", ended))
	ids := make([]string, ledger.MaxBatch, ledger.MaxBatch+4)
	for i := range ids {
		ids[i] = "nobody"
	}
	got, err = s.l.Failing(s.t.Context(), append(ids, "told", failing, "untold", "nobody"))
	s.ok(err)
	require.Equal(s.t, []bool{false, true, true, false}, got[ledger.MaxBatch:])
	require.NotContains(s.t, got[:ledger.MaxBatch], true)
	s.report(ledger.Report{Alert: "told", At: ended.Add(time.Hour)})
	got, err = s.l.Failing(s.t.Context(), []string{"told"})
	s.ok(err)
	require.Equal(s.t, []bool{true}, got, "it fails again")
}

func episodeRace(s *suite) {
	const many = 20
	starts := make(chan time.Time, many)
	var reports sync.WaitGroup
	for i := range many {
		reports.Go(func() {
			e, err := s.l.Report(s.t.Context(), ledger.Report{Alert: failing, At: episode.Add(time.Duration(i) * time.Second), Silence: long})
			if err == nil {
				starts <- e.StartsAt
			}
		})
	}
	reports.Wait()
	require.Len(s.t, starts, many)
	first := <-starts
	for range many - 1 {
		require.Equal(s.t, first, <-starts)
	}
}

func episodeRefused(s *suite) {
	for name, r := range map[string]ledger.Report{
		"no id":            {At: episode, Silence: long},
		"a counter's id":   {Alert: "#a", At: episode, Silence: long},
		"no time":          {Alert: failing, Silence: long},
		"no silence":       {Alert: failing, At: episode},
		"too long a time":  {Alert: failing, At: episode, Silence: long, Outweighs: 2 * ledger.MaxDuration},
		"an endless id":    {Alert: strings.Repeat("a", ledger.MaxID+1), At: episode, Silence: long},
		"a negative time":  {Alert: failing, At: episode, Silence: long, Outweighs: -time.Second},
		"an id with blank": {Alert: "a b", At: episode, Silence: long},
	} {
		_, err := s.l.Report(s.t.Context(), r)
		require.ErrorIs(s.t, err, ledger.ErrInvalid, name)
	}
	_, err := s.l.Failing(s.t.Context(), []string{"ok", "a b"})
	require.ErrorIs(s.t, err, ledger.ErrInvalid)
	require.ErrorIs(s.t, s.l.ReportTold(s.t.Context(), "a b", ended), ledger.ErrInvalid)
	require.ErrorIs(s.t, s.l.ReportTold(s.t.Context(), failing, time.Time{}), ledger.ErrInvalid)
}
