package function

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"regexp"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/cloudevents/sdk-go/v2/binding"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"

	"kubernaut.ai/functions/gateway/source"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/stage"
)

// Bounds of asking.
const (
	// maxAsked bounds the questions about one alert: each stage once, and an
	// investigation of some turns.
	maxAsked = 11
	// askWithin bounds one question: a cold start and a turn.
	askWithin = 8 * time.Second
	// firstAskAgain is the wait before a question that got lost is put again, and
	// lastAskAgain the last of them, each twice the one before: 0.7 s together.
	firstAskAgain, lastAskAgain = 100 * time.Millisecond, 400 * time.Millisecond
	// maxSaid bounds a stage's answer, in bytes.
	maxSaid = 4 * event.MaxEventSize
)

// Reasons for which a stage said nothing of use, beside its own.
const (
	ReasonSilent      = "stage_did_not_answer_in_time"
	ReasonUnreachable = "stage_unreachable"
	ReasonUnexpected  = "unexpected_answer"
	ReasonUnbelieved  = "answer_not_believed"
	ReasonTooLong     = "too_many_turns"
)

// asks tells which stage is asked about an event of the type. execute is asked
// about what is held, too: people want to know before they answer.
var asks = map[string]string{
	event.SignalReceived: event.StageEnrich, event.SignalEnriched: event.StageClassify,
	event.SignalClassified: event.StageAnalyze, event.AnalysisContinued: event.StageAnalyze,
	event.RemediationProposed: event.StageAuthorize,
	event.RemediationApproved: event.StageExecute, event.RemediationHeld: event.StageExecute,
}

// asker puts questions to the stages that are deployed.
type asker struct {
	seal   func(ctx context.Context, d event.Draft) (cloudevents.Event, error)
	verify func(cloudevents.Event) error
	// urls are the addresses of stages that are elsewhere than at their Service.
	urls      map[string]string
	namespace string
	client    *http.Client
	now       func() time.Time
}

func newAsker(rt *stage.Runtime, urls map[string]string) *asker {
	return &asker{seal: rt.Seal, verify: rt.Keys.Verify, urls: urls, namespace: rt.Namespace, client: &http.Client{
		// Only an answer of the stage itself counts.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, now: rt.Now}
}

// address is where a stage explains.
func (a *asker) address(name string) string {
	if u, ok := a.urls[name]; ok {
		return u + stage.ExplainPath
	}
	return "http://" + name + "." + a.namespace + ".svc.cluster.local" + stage.ExplainPath
}

// ask says what the stage would answer to the event; the reply is nil where it
// would answer with none, or could not be asked.
func (a *asker) ask(ctx context.Context, name string, e cloudevents.Event) (said ExplainedStage, reply *cloudevents.Event) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	started := a.now()
	reply, failure := a.exchange(ctx, name, e)
	// A pod that has just ended leaves connections and addresses behind for a moment,
	// and a question changes nothing, however often it is put.
	for wait := firstAskAgain; failure != nil && failure.Reason == ReasonUnreachable && wait <= lastAskAgain && pause(ctx, wait); wait *= 2 {
		reply, failure = a.exchange(ctx, name, e)
	}
	said = ExplainedStage{Stage: name, TookMs: a.now().Sub(started).Milliseconds()}
	if reply != nil {
		if err := said.read(*reply); err != nil {
			failure = logged(ctx, name, ReasonUnexpected, err)
		}
	}
	if failure != nil {
		said = ExplainedStage{Stage: name, TookMs: said.TookMs, Reason: failure.Reason, Detail: event.Cut(failure.Message, event.MaxText)}
		reply = nil
	}
	said.discreet()
	return said, reply
}

// exchange is one question and its answer, or why there is none.
func (a *asker) exchange(ctx context.Context, name string, e cloudevents.Event) (*cloudevents.Event, *stage.Refusal) {
	resp, failure := a.post(ctx, name, e)
	if failure != nil {
		return nil, failure
	}
	reply, err := cehttp.NewEventFromHTTPResponse(resp)
	if resp.StatusCode != http.StatusOK || err != nil {
		return nil, refusal(ctx, name, resp)
	}
	if err := a.believe(name, e, *reply); err != nil {
		return nil, logged(ctx, name, ReasonUnbelieved, err)
	}
	return reply, nil
}

// post sends the question and reads the whole answer.
func (a *asker) post(ctx context.Context, name string, e cloudevents.Event) (*http.Response, *stage.Refusal) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.address(name), nil)
	if err == nil {
		err = cehttp.WriteRequest(ctx, binding.ToMessage(&e), r)
	}
	if err != nil {
		return nil, logged(ctx, name, stage.ReasonInternal, err)
	}
	resp, err := a.client.Do(r)
	if err != nil {
		return nil, unreached(ctx, name, err)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxSaid+1))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return nil, unreached(ctx, name, err)
	}
	if len(body) > maxSaid {
		return nil, &stage.Refusal{Reason: ReasonUnexpected, Message: fmt.Sprintf("%s answered more than %d bytes.", name, maxSaid)}
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// believe checks that the answer is the stage's, to this question, and that it
// is for explanation: whatever else speaks at its address is not passed on.
func (a *asker) believe(name string, asked, reply cloudevents.Event) error {
	if err := errors.Join(reply.Validate(), a.verify(reply)); err != nil {
		return err
	}
	by, _ := event.StageOf(reply.Source())
	if by != name || event.Extension(reply, event.ExtCausation) != asked.ID() || !event.ForExplanation(reply) {
		return fmt.Errorf("%s of %s does not answer what %s was asked", event.ShortType(reply.Type()), by, name)
	}
	return nil
}

// refusal is what an answer says that is no event.
func refusal(ctx context.Context, name string, resp *http.Response) *stage.Refusal {
	var said stage.Refusal
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	// Whatever answers there is not known: nothing but a reason's name is passed on.
	if kind == source.MediaJSON && json.NewDecoder(resp.Body).Decode(&said) == nil && namedReason.MatchString(said.Reason) {
		if said.Message == "" {
			return &said
		}
		return logged(ctx, name, said.Reason, errors.New(event.Cut(said.Message, event.MaxText)))
	}
	switch resp.StatusCode {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		// Whoever stands before the stage does not reach it either.
		return logged(ctx, name, ReasonUnreachable, errors.New(resp.Status))
	}
	return &stage.Refusal{Reason: ReasonUnexpected, Message: fmt.Sprintf("%s answered %d: is it deployed, and of this version?", name, resp.StatusCode)}
}

// namedReason is what a named reason looks like.
var namedReason = regexp.MustCompile(`^[a-z][a-z0-9_]{1,63}$`)

func unreached(ctx context.Context, name string, err error) *stage.Refusal {
	var slow net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &slow) && slow.Timeout() {
		return &stage.Refusal{Reason: ReasonSilent, Message: name + " did not answer in time; one that sleeps has to wake up first: ask again."}
	}
	return logged(ctx, name, ReasonUnreachable, err)
}

// logged is a failure of which only the log tells the error.
func logged(ctx context.Context, name, reason string, err error) *stage.Refusal {
	stage.Logger(ctx).Warnw("a stage was asked in vain", "stage", name, "reason", reason, "error", err)
	return &stage.Refusal{Reason: reason, Message: detailLogged}
}

// read takes in what the stage added to the document.
func (s *ExplainedStage) read(e cloudevents.Event) error {
	var doc struct {
		Classification *event.Classification `json:"classification"`
		Proposal       *event.Proposal       `json:"proposal"`
		Decision       *event.Decision       `json:"decision"`
		Execution      *event.Execution      `json:"execution"`
		End            *event.End            `json:"end"`
	}
	if err := json.Unmarshal(e.Data(), &doc); err != nil {
		return err
	}
	s.Event, s.End = event.ShortType(e.Type()), doc.End
	switch e.Type() {
	case event.SignalClassified:
		s.Classification = doc.Classification
	case event.RemediationProposed:
		s.Proposal = doc.Proposal
	case event.RemediationApproved, event.RemediationHeld, event.RemediationRejected:
		s.Decision = doc.Decision
	case event.RemediationExecuted, event.RemediationFailed:
		s.Execution = doc.Execution
	}
	return nil
}
