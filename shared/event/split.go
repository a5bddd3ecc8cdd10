package event

import (
	"encoding/json"
	"fmt"
)

// split finds the top-level members of valid JSON that is one object. Every
// stage does this to every event, so it walks the bytes once and shares them
// instead of decoding: validity was checked before, which leaves strings and
// nesting to be told apart.
func split(data []byte) ([]member, error) {
	s := splitter{data: data}
	s.blank()
	if !s.take('{') {
		return nil, ErrNotADocument
	}
	members := make([]member, 0, 12)
	for s.blank(); !s.take('}'); s.blank() {
		if len(members) > 0 {
			s.take(',')
			s.blank()
		}
		name, err := s.name()
		if err != nil {
			return nil, err
		}
		s.blank()
		s.take(':')
		s.blank()
		members = append(members, member{name, s.value()})
	}
	return members, nil
}

type splitter struct {
	data []byte
	at   int
}

func (s *splitter) blank() {
	for s.at < len(s.data) {
		switch s.data[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

func (s *splitter) take(c byte) bool {
	if s.at < len(s.data) && s.data[s.at] == c {
		s.at++
		return true
	}
	return false
}

// name reads a string; only one with escapes or other than ASCII needs
// decoding.
func (s *splitter) name() (string, error) {
	from, plain := s.at, true
	s.text()
	quoted := s.data[from:s.at]
	for _, c := range quoted {
		plain = plain && c != '\\' && c < 0x80
	}
	if plain {
		return string(quoted[1 : len(quoted)-1]), nil
	}
	var name string
	if err := json.Unmarshal(quoted, &name); err != nil {
		return "", fmt.Errorf("%w: %v", ErrNotADocument, err)
	}
	return name, nil
}

// text passes over a string.
func (s *splitter) text() {
	for s.at++; s.data[s.at] != '"'; s.at++ {
		if s.data[s.at] == '\\' {
			s.at++
		}
	}
	s.at++
}

// value passes over a value and returns its bytes.
func (s *splitter) value() json.RawMessage {
	from := s.at
	for depth := 0; ; {
		switch s.data[s.at] {
		case '"':
			s.text()
			if depth == 0 {
				return s.data[from:s.at:s.at]
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return s.data[from:s.at:s.at] // a number or a word, ended by its object
			}
			if depth--; depth == 0 {
				s.at++
				return s.data[from:s.at:s.at]
			}
		case ',', ' ', '\t', '\n', '\r':
			if depth == 0 {
				return s.data[from:s.at:s.at]
			}
		}
		s.at++
	}
}
