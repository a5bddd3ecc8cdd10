package broker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
)

var errChaos = errors.New("chaos: connection reset")

// request is one attempt to be made.
type request struct {
	url    string
	header http.Header // read only: shared with other attempts
	body   []byte
}

// outcome is how one attempt ended.
type outcome struct {
	status     int    // the subscriber's, or what Knative makes of no or a bad answer
	cause      string // a Cause constant; empty on success
	noAnswer   bool
	retryAfter string
	header     http.Header
	body       []byte // of a failure
	reply      *event.Event
	took       time.Duration
}

func (o outcome) ok() bool { return o.cause == "" }

// post makes one attempt, with the policy's timeout for all of it.
func (b *Broker) post(ctx context.Context, s *subscription, r request) outcome {
	start := b.opts.Now()
	attemptCtx, cancel := context.WithTimeout(ctx, s.policy.timeout)
	defer cancel()
	out := b.exchange(attemptCtx, r)
	out.took = b.opts.Now().Sub(start)
	b.metrics.took(ctx, s, out.took)
	return out
}

func (b *Broker) exchange(ctx context.Context, r request) outcome {
	strike := b.dice.drop()
	if strike == dropBefore {
		return unanswered(errChaos, CauseChaos)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, bytes.NewReader(r.body))
	if err != nil {
		return unanswered(err, CauseNoAnswer)
	}
	req.Header = r.header
	resp, err := b.client.Do(req)
	if err != nil {
		return unanswered(err, CauseNoAnswer)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, b.opts.MaxEventBytes+1))
	if err != nil {
		return unanswered(fmt.Errorf("read answer: %w", err), CauseNoAnswer)
	}
	if strike == dropAfter {
		return unanswered(errChaos, CauseChaos)
	}
	return b.read(ctx, resp, body)
}

// unanswered counts as 500, as in Knative.
func unanswered(err error, cause string) outcome {
	return outcome{
		status: http.StatusInternalServerError, cause: cause, noAnswer: true,
		body: []byte("dispatch error: " + err.Error()),
	}
}

// read judges an answer: 2xx with nothing or with a CloudEvent is success, all else is failure.
func (b *Broker) read(ctx context.Context, resp *http.Response, body []byte) outcome {
	out := outcome{status: resp.StatusCode, header: resp.Header, retryAfter: resp.Header.Get("Retry-After")}
	switch {
	case int64(len(body)) > b.opts.MaxEventBytes:
		return badReply(out, CauseReplyTooLarge)
	case resp.StatusCode < http.StatusOK || resp.StatusCode >= http.StatusMultipleChoices:
		out.cause, out.body = CauseStatus, body
		return out
	}
	msg := cehttp.NewMessage(resp.Header, io.NopCloser(bytes.NewReader(body)))
	if msg.ReadEncoding() == binding.EncodingUnknown {
		if len(body) > 0 {
			return badReply(out, CauseNotACloudEvent)
		}
		return out
	}
	reply, err := binding.ToEvent(ctx, msg)
	if err != nil {
		return badReply(out, CauseNotACloudEvent)
	}
	out.reply = reply
	return out
}

// badReply counts as 502, as in Knative: the attempt is made again.
func badReply(out outcome, cause string) outcome {
	out.status, out.cause = http.StatusBadGateway, cause
	return out
}
