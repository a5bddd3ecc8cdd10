package event

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// fit makes the draft's document small enough for an event. An approval must
// also leave room for what execute will say of it: when the cluster is changed it
// is too late to find that the change cannot be told.
func (d Draft) fit(doc Document) (Document, error) {
	if slices.ContainsFunc(d.Sections, func(s Section) bool { return s.Name == SectionProposal }) {
		doc = doc.fitSection(SectionProposal, MaxProposalSize, proposalCuts)
	}
	doc = doc.fit(MaxEventSize, cuts)
	if d.Type != RemediationApproved {
		return doc, nil
	}
	// A former execution, which an undo rests on, makes way for the new one.
	others, err := doc.With(Section{Name: SectionExecution})
	if err != nil {
		return doc, err
	}
	const most = MaxEventSize - MaxExecutionSize
	if least := others.fit(most, cuts).size(); least > most {
		return doc, fmt.Errorf("%w: at least %d of %d bytes that leave room for the execution", ErrTooLarge, least, most)
	}
	return doc, nil
}

// fitted is the section's value with no more than max bytes of JSON, if cuts can
// do that.
func fitted[T any](section string, v T, max int) T {
	raw, err := json.Marshal(v)
	if err != nil || len(raw) <= max {
		return v
	}
	raw, _ = Document{[]member{{section, raw}}}.fitSection(section, max, cuts).Raw(section)
	var out T
	if err := json.Unmarshal(raw, &out); err != nil {
		return v
	}
	return out
}

func (d Document) fitSection(section string, max int, cuts []cut) Document {
	raw, _ := d.Raw(section)
	others := d.size() - len(raw)
	return d.fit(max+others, slices.DeleteFunc(slices.Clone(cuts), func(c cut) bool { return c.section != section }))
}

// fit cuts until the document has at most max bytes, or nothing is left to cut.
func (d Document) fit(max int, cuts []cut) Document {
	d.members = slices.Clone(d.members)
	for _, c := range cuts {
		i, found := d.find(c.section)
		for _, path := range c.paths {
			if d.size() <= max {
				return d
			}
			if found {
				d.members[i].raw = c.apply(d.members[i].raw, path)
			}
		}
	}
	return d
}

// apply cuts one part of a section. A text ends in a mark then; what is left of a
// list is said in the section's own list of cuts.
func (c cut) apply(section json.RawMessage, path string) json.RawMessage {
	var kept, of int
	section = reach(section, strings.Split(path, "."), func(part json.RawMessage) (out json.RawMessage) {
		out, kept, of = shorter(part, c.most)
		return out
	})
	if kept == of {
		return section
	}
	return marked(section, path, kept, of)
}

// reach replaces what the path leads to, and keeps every other value byte for
// byte: later versions' fields, too. Where it leads nowhere, nothing changes.
func reach(raw json.RawMessage, path []string, change func(json.RawMessage) json.RawMessage) json.RawMessage {
	if len(path) == 0 {
		return change(raw)
	}
	if items, ok := list(raw); ok && path[0] == "*" {
		for i := range items {
			items[i] = reach(items[i], path[1:], change)
		}
		return joined(items)
	}
	members, err := split(raw)
	if err != nil {
		return raw
	}
	for i, m := range members {
		if path[0] == "*" || path[0] == m.name {
			members[i].raw = reach(m.raw, path[1:], change)
		}
	}
	return Document{members}.encode()
}

// shorter is a list, a map of texts or a text with at most so much in it, and of
// how many items or entries so many are kept.
func shorter(raw json.RawMessage, most int) (out json.RawMessage, kept, of int) {
	if items, ok := list(raw); ok && len(items) > most {
		return joined(items[:most]), most, len(items)
	}
	var entries map[string]string
	if json.Unmarshal(raw, &entries) == nil && len(entries) > most {
		few, _, _ := CutMap(entries, most, MaxAnnotation)
		return encoded(few, raw), len(few), len(entries)
	}
	var text string
	if json.Unmarshal(raw, &text) == nil && len(text) > most {
		return encoded(Cut(text, most), raw), 0, 0
	}
	return raw, 0, 0
}

// marked says in a section's list of cuts how much is left of what, in place of
// what it said of that before.
func marked(section json.RawMessage, path string, kept, of int) json.RawMessage {
	members, err := split(section)
	if err != nil {
		return section
	}
	d := Document{members}
	var marks []string
	i, found := d.find("cut")
	if !found {
		i, d.members = len(members), append(members, member{name: "cut"})
	} else if json.Unmarshal(members[i].raw, &marks) != nil {
		return section
	}
	marks = slices.DeleteFunc(marks, func(mark string) bool {
		var left, all int
		n, _ := fmt.Sscanf(mark, path+": %d of %d", &left, &all)
		of = max(of, all)
		return n == 2
	})
	d.members[i].raw = encoded(append(marks, fmt.Sprintf("%s: %d of %d", path, kept, of)), d.members[i].raw)
	return d.encode()
}

func list(raw json.RawMessage) (items []json.RawMessage, ok bool) {
	return items, len(raw) > 0 && raw[0] == '[' && json.Unmarshal(raw, &items) == nil
}

func joined(items []json.RawMessage) json.RawMessage {
	out := []byte{'['}
	for i, item := range items {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, item...)
	}
	return append(out, ']')
}

// encoded is v as JSON, or what it was before where there is none.
func encoded(v any, before json.RawMessage) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		return before
	}
	return raw
}
