package ledger

import (
	"context"
	"embed"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed scripts/*.lua
var sources embed.FS

// Every script starts with the time prelude; those on a claim also with the
// claim prelude, which holds the record's layout.
var (
	scriptReserve = claimScript("meeting", "reserve")
	scriptForesee = claimScript("meeting", "foresee")
	scriptConfirm = claimScript("confirm")
	scriptAdvance = claimScript("advance")
	scriptSettle  = claimScript("settle")
	scriptGet     = claimScript("get")
	scriptCancel  = claimScript("cancel")
	scriptStart   = claimScript("start")
	scriptEnd     = claimScript("end")

	scriptLock    = script("lock")
	scriptUnlock  = script("unlock")
	scriptJoin    = script("alerts", "join")
	scriptTold    = script("told")
	scriptReverse = script("reverse")
	scriptResolve = script("alerts", "resolve")
	scriptBegin   = script("begin")
	scriptFinish  = script("finish")
	scriptRelease = script("release")
	scriptOnce    = script("once")

	scriptSchedule  = script("schedule")
	scriptDuePeek   = script("due_peek")
	scriptDueLease  = script("due_lease")
	scriptDueChange = script("due_change")
	scriptDueDrop   = script("due_drop")

	scriptAdmit    = script("limits", "admit")
	scriptLimits   = script("limits", "limits_peek")
	scriptPause    = script("pause")
	scriptDeadPut  = script("dead_put")
	scriptDeadDrop = script("dead_drop")
)

// retention is how long a claim's record outlives its end, so that its
// generation goes on counting and no remediation id is ever used again.
const retention = 7 * 24 * time.Hour

// MaxEventAge is how old an event of a remediation may be for a stage to act on
// it. The claim of any such is still known, a day of grace included; for an older
// one, which may have ended, a claim would be created again.
const MaxEventAge = retention - 24*time.Hour

// script joins sources, preludes first.
func script(names ...string) *redis.Script {
	text := source("time")
	for _, name := range names {
		text += source(name)
	}
	return redis.NewScript(text)
}

func claimScript(names ...string) *redis.Script {
	text := fmt.Sprintf("local RETENTION = %d\n", millis(retention)) + source("time") + source("claim")
	for _, name := range names {
		text += source(name)
	}
	return redis.NewScript(text)
}

// source panics on a missing file: the files are compiled in, so that is a
// mistake of the build and shows in every test.
func source(name string) string {
	body, err := sources.ReadFile("scripts/" + name + ".lua")
	if err != nil {
		panic(err)
	}
	return string(body) + "\n"
}

// run executes a script and returns its reply as strings; nil becomes "".
func (l *Ledger) run(ctx context.Context, s *redis.Script, keys []string, args ...any) ([]string, error) {
	return replyStrings(s.Run(ctx, l.redis, keys, args...))
}

func replyStrings(cmd *redis.Cmd) ([]string, error) {
	items, err := cmd.Slice()
	if err != nil {
		return nil, err
	}
	out := make([]string, len(items))
	for i, item := range items {
		switch v := item.(type) {
		case nil:
		case string:
			out[i] = v
		case int64:
			out[i] = strconv.FormatInt(v, 10)
		default:
			return nil, fmt.Errorf("unexpected %T in a script's reply", item)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("empty reply of a script")
	}
	return out, nil
}

// callID names one call of a script that hands out a lease. The client repeats
// a call whose reply got lost, with the same arguments: by its name the script
// knows it again, and does not take its own lease for somebody else's.
func callID() string {
	const base = 36
	return strconv.FormatUint(rand.Uint64(), base)
}

func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// instant reads Redis' milliseconds; "" is the zero time.
func instant(s string) time.Time {
	if s == "" {
		return time.Time{}
	}
	return time.UnixMilli(number(s)).UTC()
}
