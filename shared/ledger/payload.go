package ledger

import (
	"fmt"

	"github.com/klauspost/compress/s2"
)

// compressFrom is the size in bytes above which a stored payload is compressed:
// smaller ones do not repay the time.
const compressFrom = 512

// A stored payload begins with one byte that says how it is stored, so that
// "nothing" and "empty" differ.
const (
	storedNil = 'n'
	storedRaw = 'r'
	storedS2  = 's'
)

// pack stores nil as nil, and compresses what is large. S2 and not deflate:
// every turn of every stage packs its event, and half the ratio at a tenth of
// the time is the better bargain for values that live for minutes.
func pack(payload []byte) ([]byte, error) {
	if payload == nil {
		return []byte{storedNil}, nil
	}
	if len(payload) > MaxPayload {
		return nil, fmt.Errorf("%w: payload of %d bytes is over %d", ErrInvalid, len(payload), MaxPayload)
	}
	if len(payload) >= compressFrom {
		out := make([]byte, 1+s2.MaxEncodedLen(len(payload)))
		out[0] = storedS2
		if packed := s2.Encode(out[1:], payload); len(packed) < len(payload) {
			return out[:1+len(packed)], nil
		}
	}
	return append([]byte{storedRaw}, payload...), nil
}

// unpack reverses pack; it never inflates beyond MaxPayload.
func unpack(stored string) ([]byte, error) {
	if stored == "" {
		return nil, fmt.Errorf("stored payload is empty")
	}
	body := []byte(stored[1:])
	switch stored[0] {
	case storedNil:
		return nil, nil
	case storedRaw:
		return body, nil
	case storedS2:
		length, err := s2.DecodedLen(body)
		if err != nil {
			return nil, fmt.Errorf("inflate payload: %w", err)
		}
		if length > MaxPayload {
			return nil, fmt.Errorf("stored payload inflates beyond %d bytes", MaxPayload)
		}
		out, err := s2.Decode(nil, body)
		if err != nil {
			return nil, fmt.Errorf("inflate payload: %w", err)
		}
		return out, nil
	default:
		return nil, fmt.Errorf("stored payload of unknown form %q", stored[0])
	}
}
