package tables

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"sync"

	"kubernaut.ai/shared/history"
)

// A stored body begins with one byte that says how the rest is written.
const (
	bodyPlain = 'p'
	bodyFlate = 'f'
)

// compressFrom is the size from which compressing pays, in bytes.
const compressFrom = 256

// A flate writer holds some hundred KiB: worth keeping.
var writers = sync.Pool{New: func() any {
	w, err := flate.NewWriter(io.Discard, flate.BestSpeed)
	if err != nil {
		panic(err) // the level is a constant
	}
	return w
}}

// PackBody writes an event as it is stored: compressed where that pays.
func PackBody(event []byte) ([]byte, error) {
	if len(event) < compressFrom {
		return append([]byte{bodyPlain}, event...), nil
	}
	var b bytes.Buffer
	b.Grow(len(event) / 2)
	b.WriteByte(bodyFlate)
	w := writers.Get().(*flate.Writer)
	defer writers.Put(w)
	w.Reset(&b)
	if _, err := w.Write(event); err != nil {
		return nil, fmt.Errorf("compress event: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("compress event: %w", err)
	}
	return b.Bytes(), nil
}

// UnpackBody reverses PackBody, and never inflates beyond history.MaxEvent.
func UnpackBody(stored []byte) ([]byte, error) {
	if len(stored) == 0 {
		return nil, fmt.Errorf("stored event is empty")
	}
	switch stored[0] {
	case bodyPlain:
		return stored[1:], nil
	case bodyFlate:
		r := flate.NewReader(bytes.NewReader(stored[1:]))
		event, err := io.ReadAll(io.LimitReader(r, history.MaxEvent+1))
		if err != nil {
			return nil, fmt.Errorf("decompress event: %w", err)
		}
		if len(event) > history.MaxEvent {
			return nil, fmt.Errorf("stored event exceeds %d bytes", history.MaxEvent)
		}
		return event, nil
	}
	return nil, fmt.Errorf("stored event has the unknown form %q", stored[0])
}
