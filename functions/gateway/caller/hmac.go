package caller

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"kubernaut.ai/shared/ledger"
)

// SignatureHeader carries sha256=<hex HMAC-SHA256 of the raw body>.
const SignatureHeader = "X-Signature"

const (
	signaturePrefix = "sha256="
	// clockSkew is how far ahead a sender's clock may be.
	clockSkew = time.Minute
	// takenLease is how long an instance that died keeps a body from being taken
	// by another: a request's whole budget and some grace.
	takenLease = 35 * time.Second
	// inboxStage and inboxPrefix say in the ledger's inbox what is remembered.
	inboxStage  = "gateway"
	inboxPrefix = "signed-"
	timestamp   = "timestamp"
)

// Inbox remembers, for all instances, which signed bodies were taken.
type Inbox interface {
	Begin(ctx context.Context, stage, event string, lease time.Duration) (ledger.Turn, error)
	Finish(ctx context.Context, turn ledger.Turn, reply []byte, keep time.Duration) error
	Release(ctx context.Context, turn ledger.Turn) error
}

// signatures accepts bodies that are signed with a key of a file.
type signatures struct {
	file   *secretFile
	window time.Duration
	inbox  Inbox
	now    func() time.Time
}

// claimed reads the signature that a request claims; nil where there is none.
func (s *signatures) claimed(r *http.Request) ([]byte, error) {
	value, rest, err := single(r.Header, SignatureHeader)
	if errors.Is(err, errAbsent) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	text, ok := strings.CutPrefix(value, signaturePrefix)
	mac, err := hex.DecodeString(text)
	if !ok || err != nil || len(mac) != sha256.Size || rest != "" {
		return nil, unauthorized(ReasonMalformedCredential, "Send "+SignatureHeader+": sha256=<64 hexadecimal digits>, the HMAC of the body.")
	}
	return mac, nil
}

// verify checks who signed the body, and when.
func (s *signatures) verify(mac, body []byte) error {
	keys, err := s.file.secrets()
	if err != nil {
		return unanswered(err)
	}
	signed := false
	for i := range keys {
		h := hmac.New(sha256.New, []byte(keys[i].raw))
		h.Write(body)
		signed = hmac.Equal(h.Sum(nil), mac) || signed
	}
	if !signed {
		return unauthorized(ReasonWrongCredential, "The signature is not of this body by a key that is in use.")
	}
	at, err := timeOf(body)
	if err != nil {
		return unauthorized(ReasonStaleSignature, "A signed body says when it was written: send timestamp, in RFC 3339, at its top level.")
	}
	if age := s.now().Sub(at); age > s.window || age < -clockSkew {
		return unauthorized(ReasonStaleSignature, fmt.Sprintf("The body was not written within the last %s: set the sender's clock, or GATEWAY_HMAC_WINDOW.", s.window))
	}
	return nil
}

// begin lets one request at a time have the body, and none that comes after
// it was taken. The body stands for its signature: during a rotation it has two.
func (s *signatures) begin(ctx context.Context, body []byte) (ledger.Turn, error) {
	sum := sha256.Sum256(body)
	turn, err := s.inbox.Begin(ctx, inboxStage, inboxPrefix+hex.EncodeToString(sum[:]), takenLease)
	switch {
	case err != nil:
		return turn, unanswered(err)
	case turn.State == ledger.TurnRunning:
		return turn, &Refusal{Status: http.StatusServiceUnavailable, Reason: ReasonUnderWay, Detail: "The same body is being worked on; post it again."}
	case turn.State == ledger.TurnDone:
		return turn, forbidden(ReasonReplayed, "This very body was taken before: nothing is left to do.")
	}
	return turn, nil
}

// end remembers a body that was taken for as long as it is fresh, and gives
// back one that was not: its sender posts it again.
func (s *signatures) end(ctx context.Context, turn ledger.Turn, taken bool) error {
	if !taken {
		return s.inbox.Release(ctx, turn)
	}
	return s.inbox.Finish(ctx, turn, nil, s.window+clockSkew)
}

var errNoTime = errors.New("the body says no time")

// timeOf finds the timestamp at the top level of a JSON object, and reads no
// further.
func timeOf(body []byte) (time.Time, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return time.Time{}, errNoTime
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return time.Time{}, errNoTime
		}
		if key == timestamp {
			value, err := d.Token()
			text, ok := value.(string)
			if err != nil || !ok {
				return time.Time{}, errNoTime
			}
			return time.Parse(time.RFC3339, text)
		}
		if err := skip(d); err != nil {
			return time.Time{}, err
		}
	}
	return time.Time{}, errNoTime
}

// skip passes over one value.
func skip(d *json.Decoder) error {
	for depth := 0; ; {
		t, err := d.Token()
		if err != nil {
			return errNoTime
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}
