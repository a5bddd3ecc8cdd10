package ledger

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

var (
	scriptReport     = script("report")
	scriptReportTold = script("report_told")
)

// Report is one of many on a failure that lasts: whoever makes them says each
// time that it fails, or that it is well, and never when the failure began.
type Report struct {
	// Alert is the alert's id: it has one episode at a time.
	Alert string
	// At is when it was so. Only times of the same reporter are compared.
	At time.Time
	// Well says that it does not fail.
	Well bool
	// Outweighs is how long ago the last contrary report has to have come, by
	// Redis' clock, for this one to hold against it though its time is earlier;
	// zero is never. It is for those who say how things stand now.
	Outweighs time.Duration
	// Silence is how long after its last report an episode is forgotten.
	Silence time.Duration
}

// EpisodeState is what a report told of the failure.
type EpisodeState string

// What Report can answer.
const (
	// EpisodeLasts: it fails, since the episode's start.
	EpisodeLasts EpisodeState = "lasts"
	// EpisodeEnded: it failed, and is well; to be told by whoever hears this, who
	// then calls ReportTold. Until then every report that it is well gets the same
	// answer, with the same times.
	EpisodeEnded EpisodeState = "ended"
	// EpisodeOver: it is well, which was told before.
	EpisodeOver EpisodeState = "over"
	// EpisodePast: the report is older than a contrary one, and changed nothing.
	EpisodePast EpisodeState = "past"
	// EpisodeUnknown: it is well, and nobody said that it failed, or so long ago
	// that it was forgotten.
	EpisodeUnknown EpisodeState = "unknown"
)

// Episode is one failure, from the first report of it to the one that it is
// well.
type Episode struct {
	State EpisodeState
	// StartsAt is the time of the first report; with EpisodeLasts and EpisodeEnded.
	StartsAt time.Time
	// EndsAt is the time of the report that it is well; with EpisodeEnded.
	EndsAt time.Time
}

// Report takes one in. To repeat a report finds the same episode.
func (l *Ledger) Report(ctx context.Context, r Report) (Episode, error) {
	const op = "take in report"
	outweighs := error(nil)
	if r.Outweighs != 0 {
		outweighs = checkSpan("outweighs", r.Outweighs)
	}
	if err := firstError(checkAlertID(r.Alert), checkStart(r.At), checkSpan("silence", r.Silence), outweighs); err != nil {
		return Episode{}, wrap(op, err)
	}
	word := "fails"
	if r.Well {
		word = "well"
	}
	reply, err := l.run(ctx, scriptReport, []string{episodeKey(r.Alert)}, word, r.At.UnixMilli(), millis(r.Silence), millis(r.Outweighs))
	if err != nil {
		return Episode{}, wrap(op, err)
	}
	e := Episode{State: EpisodeState(reply[0])}
	if len(reply) > 1 {
		e.StartsAt = instant(reply[1])
	}
	if len(reply) > 2 {
		e.EndsAt = instant(reply[2])
	}
	return e, nil
}

// ReportTold remembers that the end of an alert's episode was told; nothing
// where it goes on since, or was forgotten.
func (l *Ledger) ReportTold(ctx context.Context, alert string, endsAt time.Time) error {
	const op = "remember end of episode"
	if err := firstError(checkAlertID(alert), checkStart(endsAt)); err != nil {
		return wrap(op, err)
	}
	_, err := l.run(ctx, scriptReportTold, []string{episodeKey(alert)}, endsAt.UnixMilli())
	return wrap(op, err)
}

// Failing tells for each alert whether an episode of it lasts, or has an end
// that is still to be told. One round trip for each MaxBatch of them.
func (l *Ledger) Failing(ctx context.Context, alerts []string) ([]bool, error) {
	const op = "look for episodes"
	for _, id := range alerts {
		if err := checkAlertID(id); err != nil {
			return nil, wrap(op, err)
		}
	}
	failing := make([]bool, 0, len(alerts))
	for len(failing) < len(alerts) {
		rest := alerts[len(failing):]
		cmds := make([]*redis.SliceCmd, min(len(rest), MaxBatch))
		_, err := l.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i := range cmds {
				cmds[i] = p.HMGet(ctx, episodeKey(rest[i]), "s", "t")
			}
			return nil
		})
		if err != nil {
			return nil, wrap(op, err)
		}
		for _, cmd := range cmds {
			f := cmd.Val()
			failing = append(failing, f[0] != nil && f[1] == nil)
		}
	}
	return failing, nil
}
