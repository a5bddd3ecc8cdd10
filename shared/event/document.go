package event

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The sections that Kubernaut's own stages write.
const (
	SectionRemediation    = "remediation"
	SectionSignal         = "signal"
	SectionResolution     = "resolution"
	SectionJoining        = "joining"
	SectionSuppression    = "suppression"
	SectionContext        = "context"
	SectionClassification = "classification"
	SectionAttempts       = "attempts"
	SectionAnalysis       = "analysis"
	SectionProposal       = "proposal"
	SectionDecision       = "decision"
	SectionApproval       = "approval"
	SectionProgress       = "progress"
	SectionExecution      = "execution"
	SectionUndoRequest    = "undoRequest"
	SectionAssessment     = "assessment"
	SectionEnd            = "end"
)

// MaxEventSize bounds an event's data, in bytes. Brokers, Redis and people
// all suffer from larger ones; blobs belong in the evidence store.
const MaxEventSize = 64 << 10

// Errors of documents. All of them are permanent: sending the same bytes
// again cannot help.
var (
	ErrNotADocument = errors.New("event data is not one JSON object")
	ErrDuplicateKey = errors.New("event data names a section twice, or in other letters")
	ErrTooLarge     = errors.New("event data exceeds its size bound")
)

// Section is one top-level member to set on a Document. A nil Value removes it.
type Section struct {
	Name  string
	Value any
}

// Document is an event's data: top-level members in their order, each with
// the bytes in which it came. It is immutable; With returns a changed copy.
type Document struct {
	members []member
}

type member struct {
	name string
	raw  json.RawMessage
}

// ParseDocument splits data into its top-level members without touching or
// copying their bytes, which must not change from then on. A member that
// appears twice is an error: parsers disagree about which one counts, and an
// attacker may choose the parser. So is one whose name is another's, or a known
// section's, but for upper and lower case: encoding/json reads both into the
// same field, and With replaces only the one that it was asked to. Members come
// from several stages; within a section all is its own stage's, under that
// stage's seal.
func ParseDocument(data []byte) (Document, error) {
	if len(data) > MaxEventSize {
		return Document{}, fmt.Errorf("%w: %d of %d bytes", ErrTooLarge, len(data), MaxEventSize)
	}
	if !json.Valid(data) {
		return Document{}, ErrNotADocument
	}
	members, err := split(data)
	if err != nil {
		return Document{}, err
	}
	for i, m := range members {
		if err := (Document{members[:i]}).admits(m.name); err != nil {
			return Document{}, err
		}
	}
	return Document{members}, nil
}

// With returns the document with the sections set: replaced where they were,
// appended where they are new, removed where their Value is nil.
func (d Document) With(sections ...Section) (Document, error) {
	next := Document{members: slices.Clone(d.members)}
	for _, s := range sections {
		i, found := next.find(s.Name)
		if s.Value == nil {
			if found {
				next.members = slices.Delete(next.members, i, i+1)
			}
			continue
		}
		raw, err := json.Marshal(s.Value)
		if err != nil {
			return Document{}, fmt.Errorf("encode section %s: %w", s.Name, err)
		}
		if found {
			next.members[i].raw = raw
			continue
		}
		if err := next.admits(s.Name); err != nil {
			return Document{}, err
		}
		next.members = append(next.members, member{s.Name, raw})
	}
	return next, nil
}

// Bytes is the document as JSON, members in order, each byte for byte.
func (d Document) Bytes() ([]byte, error) {
	if size := d.size(); size > MaxEventSize {
		return nil, fmt.Errorf("%w: %d of %d bytes", ErrTooLarge, size, MaxEventSize)
	}
	return d.encode(), nil
}

// size is the length of encode, which it saves where that would be too long.
func (d Document) size() int {
	size := len("{}") + max(0, len(d.members)-1)*len(",")
	for _, m := range d.members {
		size += len(`"":`) + len(m.raw)
		if plain(m.name) {
			size += len(m.name)
		} else {
			size += len(appendName(nil, m.name)) - len(`""`)
		}
	}
	return size
}

func (d Document) encode() []byte {
	out := append(make([]byte, 0, d.size()), '{')
	for i, m := range d.members {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(appendName(out, m.name), ':'), m.raw...)
	}
	return append(out, '}')
}

// appendName quotes a member's name; those of Kubernaut's own sections need no
// escaping.
func appendName(out []byte, name string) []byte {
	if plain(name) {
		return append(append(append(out, '"'), name...), '"')
	}
	quoted, _ := json.Marshal(name) // a string never fails
	return append(out, quoted...)
}

func plain(name string) bool {
	for i := range len(name) {
		if c := name[i]; c < '0' || c > 'z' || c > '9' && c < 'A' || c > 'Z' && c < 'a' {
			return false
		}
	}
	return true
}

// Raw returns a section's bytes.
func (d Document) Raw(section string) (json.RawMessage, bool) {
	if i, ok := d.find(section); ok {
		return d.members[i].raw, true
	}
	return nil, false
}

// Decode reads one section into v. A section that is absent is an error that
// names it.
func (d Document) Decode(section string, v any) error {
	raw, ok := d.Raw(section)
	if !ok {
		return fmt.Errorf("decode section %s: it is absent", section)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("decode section %s: %w", section, err)
	}
	return nil
}

// Digest is the hex SHA-256 of a section's bytes, empty if it is absent. An
// approval names the proposal by it, so that what was read is what is run.
func (d Document) Digest(section string) string {
	raw, ok := d.Raw(section)
	if !ok {
		return ""
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// admits refuses a name that decoders may take for a member's, or for a
// section's of the catalogue.
func (d Document) admits(name string) error {
	for _, m := range d.members {
		if strings.EqualFold(m.name, name) {
			return fmt.Errorf("%w: %q and %q", ErrDuplicateKey, m.name, name)
		}
	}
	if slices.Contains(sectionNames, name) {
		return nil
	}
	for _, section := range sectionNames {
		if strings.EqualFold(section, name) {
			return fmt.Errorf("%w: %q is not %q", ErrDuplicateKey, name, section)
		}
	}
	return nil
}

func (d Document) find(name string) (int, bool) {
	i := slices.IndexFunc(d.members, func(m member) bool { return m.name == name })
	return i, i >= 0
}
