package ledger

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"sync"
)

// compressFrom is the size in bytes above which a stored payload is compressed:
// smaller ones do not repay the time.
const compressFrom = 512

// A stored payload begins with one byte that says how it is stored, so that
// "nothing" and "empty" differ.
const (
	storedNil     = 'n'
	storedRaw     = 'r'
	storedDeflate = 'z'
)

var writers = sync.Pool{New: func() any {
	w, err := flate.NewWriter(io.Discard, flate.BestSpeed)
	if err != nil {
		panic(err) // only an invalid level can fail
	}
	return w
}}

// pack stores nil as nil, and compresses what is large.
func pack(payload []byte) ([]byte, error) {
	if payload == nil {
		return []byte{storedNil}, nil
	}
	if len(payload) > MaxPayload {
		return nil, fmt.Errorf("%w: payload of %d bytes is over %d", ErrInvalid, len(payload), MaxPayload)
	}
	if len(payload) >= compressFrom {
		if packed, err := deflate(payload); err != nil || len(packed) < len(payload) {
			return packed, err
		}
	}
	return append([]byte{storedRaw}, payload...), nil
}

func deflate(payload []byte) ([]byte, error) {
	out := bytes.NewBuffer(make([]byte, 0, len(payload)/2))
	out.WriteByte(storedDeflate)
	w := writers.Get().(*flate.Writer)
	defer writers.Put(w)
	w.Reset(out)
	if _, err := w.Write(payload); err != nil {
		return nil, fmt.Errorf("compress payload: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("compress payload: %w", err)
	}
	return out.Bytes(), nil
}

// unpack reverses pack; it never inflates beyond MaxPayload.
func unpack(stored string) ([]byte, error) {
	if stored == "" {
		return nil, fmt.Errorf("stored payload is empty")
	}
	body := stored[1:]
	switch stored[0] {
	case storedNil:
		return nil, nil
	case storedRaw:
		return []byte(body), nil
	case storedDeflate:
		r := flate.NewReader(bytes.NewReader([]byte(body)))
		out, err := io.ReadAll(io.LimitReader(r, MaxPayload+1))
		if err != nil {
			return nil, fmt.Errorf("inflate payload: %w", err)
		}
		if len(out) > MaxPayload {
			return nil, fmt.Errorf("stored payload inflates beyond %d bytes", MaxPayload)
		}
		return out, nil
	default:
		return nil, fmt.Errorf("stored payload of unknown form %q", stored[0])
	}
}
