package function

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/history"
)

// Extensions that a Broker adds to a dead letter.
const (
	extDest = "knativeerrordest"
	extCode = "knativeerrorcode"
	extData = "knativeerrordata"
)

// Named reasons for which a dead letter is kept and nothing else happens.
const (
	ReasonOwnLetter      = "kept_own"
	ReasonRecordLetter   = "kept_for_record"
	ReasonOtherStage     = "kept_for_added_stage"
	ReasonNotBelieved    = "kept_without_good_seal"
	ReasonOnlyAbout      = "kept_only_informs"
	ReasonNoRemediation  = "kept_without_remediation"
	ReasonNotLive        = "kept_remediation_ended"
	ReasonMovedOn        = "kept_remediation_moved_on"
	ReasonFailedAlready  = "kept_failed_already"
	ReasonFailedTheCause = "remediation_failed"
)

// Named reasons for which a letter that was kept is gone, and can be redriven no
// more.
const (
	// ReasonFull: it was the oldest, and another came.
	ReasonFull = "dead_letters_full"
	// ReasonFullForRecord is the same of record's letters, which are bounded apart:
	// history lacks an event, and no remediation misses it.
	ReasonFullForRecord = "dead_letters_full_for_record"
	// ReasonTooOld: it was kept for ledger.DeadLetterRetention.
	ReasonTooOld = "dead_letter_too_old"
)

// unknownStage names a subscriber that cannot be told.
const unknownStage = "unknown"

// Failure is what the Broker says about an event that it could not deliver.
type Failure struct {
	// Destination is the subscriber's address, Stage its stage.
	Destination string
	Stage       string
	// Code is the last HTTP status, 0 if there was none.
	Code int
	// Reason and Message are the subscriber's own words, where it had any.
	Reason  string
	Message string
}

// String is one line for people.
func (f Failure) String() string {
	var b strings.Builder
	b.WriteString(f.Stage)
	if f.Code > 0 {
		fmt.Fprintf(&b, " answered %d", f.Code)
	} else {
		b.WriteString(" did not answer")
	}
	for _, part := range []string{f.Reason, f.Message} {
		if part != "" {
			b.WriteString(": " + part)
		}
	}
	return event.Cut(b.String(), event.MaxText)
}

// refusal is the body with which a stage of ours refuses an event.
type refusal struct {
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

// failureOf reads the Broker's extensions. They are not under any seal: they
// decide what people read, and whether a failure counts for a stage of the
// pipeline, which whoever posts to the Broker could bring about anyway.
func failureOf(extension func(name string) string, stages map[string]string) Failure {
	f := Failure{Destination: event.Cut(extension(extDest), event.MaxText)}
	f.Stage = stageAt(f.Destination, stages)
	if code, err := strconv.Atoi(extension(extCode)); err == nil && code > 0 && code < 1000 {
		f.Code = code
	}
	data := extension(extData)
	// The Broker cuts the text at a fixed length, which may leave half a group.
	body, err := base64.StdEncoding.DecodeString(data[:len(data)/4*4])
	if err != nil {
		return f
	}
	var r refusal
	if json.Unmarshal(body, &r) == nil && r.Reason != "" {
		f.Reason, f.Message = event.Cut(r.Reason, event.MaxAttribute), event.Cut(r.Message, event.MaxText)
	} else {
		f.Message = event.Cut(string(body), event.MaxText)
	}
	return f
}

// stageAt tells which stage has an address: by the addresses given, else by
// the first label of the host, which is the Service's name.
func stageAt(address string, stages map[string]string) string {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return unknownStage
	}
	if stage, ok := stages[u.Host]; ok {
		return stage
	}
	if net.ParseIP(u.Hostname()) != nil {
		return unknownStage
	}
	name, _, _ := strings.Cut(u.Hostname(), ".")
	return event.Cut(name, event.MaxAttribute)
}

// byHost turns addresses by stage into stages by host and port.
func byHost(addresses map[string]string) map[string]string {
	stages := make(map[string]string, len(addresses))
	for name, address := range addresses {
		if u, err := url.Parse(address); err == nil {
			stages[u.Host] = name
		}
	}
	return stages
}

// pipeline are the stages without which a remediation does not go on. An
// address that cannot be told counts as one of them: a remediation that ends
// too early is opened again by its alert, one that hangs blocks its target.
var pipeline = []string{event.StageEnrich, event.StageClassify, event.StageAnalyze, event.StageAuthorize,
	event.StageExecute, event.StageAssess, unknownStage}

// onlyKept names the reason for which a letter concerns no remediation, as far
// as the letter alone tells; empty if it may.
func onlyKept(f Failure, eventType string) string {
	switch {
	case f.Stage == event.StageDeadletter:
		return ReasonOwnLetter
	case f.Stage == event.StageRecord:
		return ReasonRecordLetter
	case !slices.Contains(pipeline, f.Stage):
		return ReasonOtherStage
	}
	entry, ok := event.Lookup(eventType)
	switch {
	case !ok:
		return ReasonNotBelieved
	case entry.Terminal, entry.Informative, !history.Moves(eventType):
		return ReasonOnlyAbout
	}
	return ""
}

// answers are waited for in the phase of the hold that they answer: the
// approve stage moves no claim.
var phaseOf = map[string]string{
	event.ApprovalGranted: event.ShortType(event.RemediationHeld),
	event.ApprovalRefused: event.ShortType(event.RemediationHeld),
}

// waitsFor tells whether a claim in this phase waits for what follows an
// event of this type.
func waitsFor(phase, eventType string) bool {
	return phase == event.ShortType(eventType) || phase == phaseOf[eventType] && phase != ""
}
