package source

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxDepth bounds how deep a body may nest; Alertmanager's needs three levels.
const MaxDepth = 16

// seenBeforeMap is how many keys of one object are compared one by one before
// a map is worth its price.
const seenBeforeMap = 16

// Errors of bodies that can never be understood.
var (
	errSyntax       = errors.New("not valid JSON")
	errDuplicateKey = errors.New("an object names a key twice")
	errTooDeep      = errors.New("nested too deep")
	errEncoding     = errors.New("not valid UTF-8")
	errWrongType    = errors.New("a value has the wrong type")
)

// reader reads JSON strictly, in one pass and without reflection. Where
// encoding/json forgives, parsers disagree, and a sender may choose what each
// of them sees: a key named twice, bytes that are not UTF-8, half of a
// surrogate pair are errors here.
type reader struct {
	in    []byte
	pos   int
	depth int
	// members counts those of all objects so far; MaxMembers bounds it.
	members int
}

// document reads one whole JSON value.
func document(in []byte, read func(*reader) error) error {
	if !utf8.Valid(in) {
		return errEncoding
	}
	r := &reader{in: in}
	if err := read(r); err != nil {
		return err
	}
	if r.space(); r.pos != len(r.in) {
		return r.syntax()
	}
	return nil
}

// object reads an object; member must read the value of each key.
func (r *reader) object(member func(key string) error) error {
	if err := r.open('{'); err != nil {
		return err
	}
	defer r.close()
	var seen keys
	for first := true; ; first = false {
		if done, err := r.next('}', first); done || err != nil {
			return err
		}
		key, err := r.text()
		if err != nil {
			return r.asSyntax(err)
		}
		if seen.add(key) {
			return fmt.Errorf("%w: %q", errDuplicateKey, cutKey(key))
		}
		if r.members++; r.members > MaxMembers {
			return ErrTooMany
		}
		if r.space(); r.pos >= len(r.in) || r.in[r.pos] != ':' {
			return r.syntax()
		}
		r.pos++
		if err := member(key); err != nil {
			return err
		}
	}
}

// array reads an array; item must read each of its values.
func (r *reader) array(item func() error) error {
	if err := r.open('['); err != nil {
		return err
	}
	defer r.close()
	for first := true; ; first = false {
		if done, err := r.next(']', first); done || err != nil {
			return err
		}
		if err := item(); err != nil {
			return err
		}
	}
}

// null reads a null if there is one.
func (r *reader) null() bool {
	if r.space(); r.pos+4 <= len(r.in) && string(r.in[r.pos:r.pos+4]) == "null" {
		r.pos += 4
		return true
	}
	return false
}

// text reads a string.
func (r *reader) text() (string, error) {
	if r.space(); r.pos >= len(r.in) {
		return "", r.syntax()
	}
	if r.in[r.pos] != '"' {
		return "", r.wrong("a string")
	}
	start := r.pos + 1
	for i := start; i < len(r.in); i++ {
		switch c := r.in[i]; {
		case c == '"':
			r.pos = i + 1
			return string(r.in[start:i]), nil
		case c == '\\':
			r.pos = start
			return r.escaped(i)
		case c < ' ':
			return "", r.syntax()
		}
	}
	return "", r.syntax()
}

// escaped reads a string on from its first escape.
func (r *reader) escaped(first int) (string, error) {
	out := append(make([]byte, 0, 2*(first-r.pos)+32), r.in[r.pos:first]...)
	for r.pos = first; r.pos < len(r.in); {
		c := r.in[r.pos]
		r.pos++
		switch {
		case c == '"':
			return string(out), nil
		case c < ' ':
			return "", r.syntax()
		case c != '\\':
			out = append(out, c)
		default:
			char, err := r.escape()
			if err != nil {
				return "", err
			}
			out = utf8.AppendRune(out, char)
		}
	}
	return "", r.syntax()
}

// escapes are the characters that JSON abbreviates.
var escapes = map[byte]rune{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escape reads what follows a backslash.
func (r *reader) escape() (rune, error) {
	if r.pos >= len(r.in) {
		return 0, r.syntax()
	}
	c := r.in[r.pos]
	r.pos++
	if char, ok := escapes[c]; ok {
		return char, nil
	}
	if c != 'u' {
		return 0, r.syntax()
	}
	char, err := r.hex()
	if err != nil || !utf16.IsSurrogate(char) {
		return char, err
	}
	if r.pos+2 > len(r.in) || r.in[r.pos] != '\\' || r.in[r.pos+1] != 'u' {
		return 0, errEncoding
	}
	r.pos += 2
	low, err := r.hex()
	if err != nil {
		return 0, err
	}
	if char = utf16.DecodeRune(char, low); char == utf8.RuneError {
		return 0, errEncoding
	}
	return char, nil
}

func (r *reader) hex() (rune, error) {
	if r.pos+4 > len(r.in) {
		return 0, r.syntax()
	}
	for _, c := range r.in[r.pos : r.pos+4] {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return 0, r.syntax()
		}
	}
	n, err := strconv.ParseUint(string(r.in[r.pos:r.pos+4]), 16, 32)
	r.pos += 4
	return rune(n), err
}

// keys are the keys that one object has named.
type keys struct {
	few  []string
	many map[string]struct{}
}

// add reports whether the key was there already.
func (k *keys) add(key string) bool {
	if k.many == nil && len(k.few) < seenBeforeMap {
		if slices.Contains(k.few, key) {
			return true
		}
		k.few = append(k.few, key)
		return false
	}
	if k.many == nil {
		k.many = make(map[string]struct{}, 4*seenBeforeMap)
		for _, s := range k.few {
			k.many[s] = struct{}{}
		}
	}
	_, twice := k.many[key]
	k.many[key] = struct{}{}
	return twice
}
