package ledger

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"
)

// Bounds of what may become part of a key or a record.
const (
	// MaxID bounds fingerprints, event ids, item ids, alert ids and targets, in bytes.
	MaxID = 160
	// MaxBase bounds the base of a remediation id, in bytes; with the rest of the
	// record it keeps a claim below 300 bytes.
	MaxBase = 64
	// MaxName bounds phases, outcomes, steps, stages, kinds and limits, in bytes.
	MaxName = 32
	// MaxText bounds what people or errors say (reasons), in bytes.
	MaxText = 2048
	// MaxPayload bounds one stored event, reply or plan before compression, in bytes.
	MaxPayload = 1 << 20
	// MaxDuration bounds every lease, deadline, cooldown and retention.
	MaxDuration = 90 * 24 * time.Hour
)

const prefix = "kubernaut:"

// Every key holds exactly one {tag}: keys of one script share it, and so live
// in one slot of a Redis Cluster.

func claimKey(fingerprint string) string { return prefix + "claim:{" + fingerprint + "}" }

// lockKey is the lock on a workload; on the claim's own workload it shares the
// claim's tag.
func lockKey(fingerprint string) string { return prefix + "lock:{" + fingerprint + "}" }

// alertsKey lists the alerts that joined one remediation.
func alertsKey(fingerprint, remediation string) string {
	return prefix + "alerts:{" + fingerprint + "}:" + remediation
}

// alertKey leads from an alert to the claim it joined.
func alertKey(alert string) string { return prefix + "alert:{" + alert + "}" }

// episodeKey is the failure that the reports on an alert are about.
func episodeKey(alert string) string { return prefix + "episode:{" + alert + "}" }

func inboxKey(stage, event string) string { return prefix + "inbox:{" + stage + "/" + event + "}" }

func planKey(remediation, step string) string {
	return prefix + "plan:{" + remediation + "}:" + step
}

func answerKey(remediation, step string) string {
	return prefix + "answer:{" + remediation + "}:" + step
}

func heldKey(remediation string) string { return prefix + "held:{" + remediation + "}" }

func verdictKey(item string) string { return prefix + "verdict:{" + item + "}" }

// list is a due list; each is worked off by one stage.
type list string

const (
	// listDue is what assess works off.
	listDue list = "due"
	// listExpiry is what the gateway works off: alerts that end unless they are
	// posted again.
	listExpiry list = "expiry"
)

func (l list) timesKey(shard int) string { return l.key(shard) + ":times" }

func (l list) key(shard int) string {
	return prefix + string(l) + ":{" + string(l) + "-" + strconv.Itoa(shard) + "}"
}

func (l list) leasesKey(shard int) string { return l.key(shard) + ":leases" }

func (l list) keys(shard int) []string {
	return []string{l.timesKey(shard), l.key(shard) + ":items", l.leasesKey(shard)}
}

func heartbeatKey() string { return prefix + "heartbeat:{heartbeat}" }

// markKey is how far a scan of the gateway has come.
func markKey(scan string) string { return prefix + "scanned:{" + scan + "}" }

func limitKey(name string) string { return prefix + "breaker:{breaker}:" + name }
func pauseKey() string            { return prefix + "pause:{breaker}" }

const deadPrefix = prefix + "dead:{dead}:"

// The lists of dead letters: of those who had to act, of those who only take
// note, and of both, as the version before kept them.
func deadActingKey() string    { return deadPrefix + "acting" }
func deadInformingKey() string { return deadPrefix + "informing" }
func deadFormerKey() string    { return deadPrefix + "times" }

func deadBodiesKey() string            { return deadPrefix + "bodies" }
func deadFirstKey(owner string) string { return deadPrefix + "first:" + owner }

// deadRemovedKey is what was removed when a letter came.
func deadRemovedKey(letter string) string { return deadPrefix + "removed:" + letter }

// shardOf spreads due items over the shards.
func shardOf(id string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	return int(h.Sum32() % DueShards)
}

// checkID refuses what must not reach a key: nothing but printable ASCII
// without blanks, and no braces, which would move the hash tag.
func checkID(what, id string) error {
	return checkToken(what, id, MaxID)
}

func checkName(what, name string) error {
	return checkToken(what, name, MaxName)
}

func checkToken(what, s string, limit int) error {
	if s == "" {
		return fmt.Errorf("%w: %s is empty", ErrInvalid, what)
	}
	if len(s) > limit {
		return fmt.Errorf("%w: %s is longer than %d bytes", ErrInvalid, what, limit)
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c > '~' || c == '{' || c == '}' {
			return fmt.Errorf("%w: %s holds the byte %#x", ErrInvalid, what, c)
		}
	}
	return nil
}

func checkText(what, s string) error {
	if len(s) > MaxText {
		return fmt.Errorf("%w: %s is longer than %d bytes", ErrInvalid, what, MaxText)
	}
	return nil
}

// checkSpan accepts a duration from one millisecond on, Redis' resolution.
func checkSpan(what string, d time.Duration) error {
	if d < time.Millisecond || d > MaxDuration {
		return fmt.Errorf("%w: %s %s is not within 1ms and %s", ErrInvalid, what, d, MaxDuration)
	}
	return nil
}

// checkDelay accepts zero as well: now.
func checkDelay(what string, d time.Duration) error {
	if d == 0 {
		return nil
	}
	return checkSpan(what, d)
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// remediation is a remediation id in its parts: the base, and the generation of
// the claim it was opened under.
type remediation struct {
	base       string
	generation int64
}

func (r remediation) id() string { return r.base + "-" + strconv.FormatInt(r.generation, 10) }

// maxGeneration keeps the generation at nine digits.
const maxGeneration = 999_999_999

func parseRemediation(id string) (remediation, error) {
	if err := checkID("remediation", id); err != nil {
		return remediation{}, err
	}
	i := strings.LastIndexByte(id, '-')
	if i < 1 || i > MaxBase {
		return remediation{}, fmt.Errorf("%w: remediation is not <base>-<generation>", ErrInvalid)
	}
	g, err := strconv.ParseInt(id[i+1:], 10, 64)
	if err != nil || g < 1 || g > maxGeneration || id[i+1] == '+' || id[i+1] == '0' {
		return remediation{}, fmt.Errorf("%w: remediation is not <base>-<generation>", ErrInvalid)
	}
	return remediation{base: id[:i], generation: g}, nil
}

func millis(d time.Duration) int64 { return d.Milliseconds() }
