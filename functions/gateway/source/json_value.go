package source

import (
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"
)

// maxKeyShown bounds how much of a stranger's key an error repeats, in bytes.
const maxKeyShown = 64

// skip reads a value of any type and forgets it.
func (r *reader) skip() error {
	if r.space(); r.pos >= len(r.in) {
		return r.syntax()
	}
	switch c := r.in[r.pos]; {
	case c == '{':
		return r.object(func(string) error { return r.skip() })
	case c == '[':
		return r.array(r.skip)
	case c == '"':
		_, err := r.text()
		return err
	case c == '-' || c >= '0' && c <= '9':
		_, err := r.number()
		return err
	}
	for _, word := range []string{"true", "false", "null"} {
		if r.pos+len(word) <= len(r.in) && string(r.in[r.pos:r.pos+len(word)]) == word {
			r.pos += len(word)
			return nil
		}
	}
	return r.syntax()
}

// texts reads an object of strings; null is an empty one.
func (r *reader) texts() (map[string]string, error) {
	if r.null() {
		return nil, nil
	}
	out := make(map[string]string, 8)
	err := r.object(func(key string) error {
		value, err := r.text()
		out[key] = value
		return err
	})
	return out, err
}

// time reads a time as RFC 3339 has it. An empty string, null and the zero time
// are the zero time; ok is false for a string that is no time.
func (r *reader) time() (t time.Time, ok bool, err error) {
	if r.null() {
		return time.Time{}, true, nil
	}
	text, err := r.text()
	if err != nil || text == "" {
		return time.Time{}, true, err
	}
	if t, err = time.Parse(time.RFC3339Nano, text); err != nil {
		return time.Time{}, false, nil
	}
	return t.UTC(), true, nil
}

// count reads a whole number that is not negative.
func (r *reader) count() (int, error) {
	r.space()
	number, err := r.number()
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(number, 10, 32)
	if err != nil || n < 0 {
		return 0, r.wrong("a count")
	}
	return int(n), nil
}

// number reads a number as JSON's grammar has it.
func (r *reader) number() (string, error) {
	start := r.pos
	if r.at('-') {
		r.pos++
	}
	if r.at('0') {
		r.pos++
	} else if !r.digits() {
		r.pos = start
		return "", r.wrong("a number")
	}
	if r.at('.') {
		if r.pos++; !r.digits() {
			return "", r.syntax()
		}
	}
	if r.at('e') || r.at('E') {
		if r.pos++; r.at('+') || r.at('-') {
			r.pos++
		}
		if !r.digits() {
			return "", r.syntax()
		}
	}
	return string(r.in[start:r.pos]), nil
}

func (r *reader) digits() bool {
	start := r.pos
	for r.pos < len(r.in) && r.in[r.pos] >= '0' && r.in[r.pos] <= '9' {
		r.pos++
	}
	return r.pos > start
}

func (r *reader) at(c byte) bool { return r.pos < len(r.in) && r.in[r.pos] == c }

func (r *reader) space() {
	for r.pos < len(r.in) {
		switch r.in[r.pos] {
		case ' ', '\t', '\n', '\r':
			r.pos++
		default:
			return
		}
	}
}

func (r *reader) open(bracket byte) error {
	if r.space(); r.pos >= len(r.in) {
		return r.syntax()
	}
	if r.in[r.pos] != bracket {
		return r.wrong(map[byte]string{'{': "an object", '[': "an array"}[bracket])
	}
	if r.depth++; r.depth > MaxDepth {
		return fmt.Errorf("%w: more than %d levels", errTooDeep, MaxDepth)
	}
	r.pos++
	return nil
}

func (r *reader) close() { r.depth-- }

// next moves to the next member of an object or array, and past its end.
func (r *reader) next(end byte, first bool) (done bool, err error) {
	if r.space(); r.pos >= len(r.in) {
		return false, r.syntax()
	}
	switch c := r.in[r.pos]; {
	case c == end:
		r.pos++
		return true, nil
	case first:
		return false, nil
	case c != ',':
		return false, r.syntax()
	}
	r.pos++
	return false, nil
}

func (r *reader) syntax() error { return fmt.Errorf("%w at byte %d", errSyntax, r.pos) }

func (r *reader) wrong(want string) error {
	return fmt.Errorf("%w at byte %d: want %s", errWrongType, r.pos, want)
}

// asSyntax: a key that is no string is no JSON at all.
func (r *reader) asSyntax(err error) error {
	if r.pos < len(r.in) && r.in[r.pos] != '"' {
		return r.syntax()
	}
	return err
}

func cutKey(key string) string {
	if len(key) <= maxKeyShown {
		return key
	}
	end := maxKeyShown
	for !utf8.RuneStart(key[end]) {
		end--
	}
	return key[:end]
}
