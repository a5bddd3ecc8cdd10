package event

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"unicode/utf8"
)

// Bounds of what strangers write, so that a whole event stays under
// MaxEventSize however much they write. What is cut is marked.
const (
	MaxText        = 512
	MaxLabels      = 64
	MaxLabelValue  = 512
	MaxAnnotations = 24
	MaxAnnotation  = 1 << 10
	MaxSignalSize  = 16 << 10
	MaxContextSize = 24 << 10
	MaxPods        = 20
	MaxNotes       = 20
	MaxRevisions   = 10
	MaxContainers  = 20
	MaxEvidence    = 12
	MaxRungs       = 5
	MaxAttempts    = 10
	MaxConditions  = 10
)

// cutMark ends a text that was cut.
const cutMark = "…"

// Cut shortens s to at most max bytes, on a rune boundary, and marks the cut.
// Bytes that are not UTF-8 become the replacement character.
func Cut(s string, max int) string {
	if !utf8.ValidString(s) {
		s = string([]rune(s))
	}
	if len(s) <= max {
		return s
	}
	end := max - len(cutMark)
	if end <= 0 {
		return ""
	}
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + cutMark
}

// CutMap keeps at most entries keys, in order of their names, and cuts each
// value; it reports how many keys were left out and how many values were cut.
func CutMap(m map[string]string, entries, value int) (kept map[string]string, left, cut int) {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	kept = make(map[string]string, min(len(keys), entries))
	for i, k := range keys {
		if i >= entries {
			return kept, len(keys) - entries, cut
		}
		v := Cut(m[k], value)
		if v != m[k] {
			cut++
		}
		kept[Cut(k, MaxAttribute)] = v
	}
	return kept, 0, cut
}

// CutList keeps the first max items of a list and says so in the marks.
func CutList[T any](list []T, max int, name string, marks *[]string) []T {
	if len(list) <= max {
		return list
	}
	*marks = append(*marks, fmt.Sprintf("%s: %d of %d", name, max, len(list)))
	return slices.Clone(list[:max])
}

// Bound cuts a signal's texts to their bounds and marks what was cut.
func (s Signal) Bound() Signal {
	s.Name, s.Container = Cut(s.Name, MaxAttribute), Cut(s.Container, MaxAttribute)
	s.GeneratorURL = Cut(s.GeneratorURL, MaxAnnotation)
	s.Group, s.Receiver = Cut(s.Group, MaxText), Cut(s.Receiver, MaxAttribute)
	s.SenderSeverity = Cut(s.SenderSeverity, MaxAttribute)
	var left, cut int
	labels, annotations := MaxLabels, MaxAnnotations
	if s.Labels, left, cut = CutMap(s.Labels, labels, MaxLabelValue); left+cut > 0 {
		s.Cut = append(s.Cut, fmt.Sprintf("labels: %d left out, %d shortened", left, cut))
	}
	if s.Annotations, left, cut = CutMap(s.Annotations, annotations, MaxAnnotation); left+cut > 0 {
		s.Cut = append(s.Cut, fmt.Sprintf("annotations: %d left out, %d shortened", left, cut))
	}
	if size(s) > MaxSignalSize {
		s.Annotations, left, _ = CutMap(s.Annotations, MaxAnnotations/6, MaxText/2)
		s.Labels, _, _ = CutMap(s.Labels, MaxLabels/2, MaxLabelValue/4)
		s.Cut = append(s.Cut, "labels and annotations: too large together")
	}
	return s
}

// Bound cuts a context's lists and texts to their bounds, then drops from the
// lists' ends until the whole fits MaxContextSize. Every cut is marked.
func (c Context) Bound() Context {
	var left int
	if c.Labels, left, _ = CutMap(c.Labels, MaxLabels/2, MaxLabelValue/2); left > 0 {
		c.Cut = append(c.Cut, fmt.Sprintf("labels: %d left out", left))
	}
	if c.NamespaceLabels, left, _ = CutMap(c.NamespaceLabels, MaxLabels/2, MaxLabelValue/2); left > 0 {
		c.Cut = append(c.Cut, fmt.Sprintf("namespaceLabels: %d left out", left))
	}
	c.Containers = CutList(c.Containers, MaxContainers, "containers", &c.Cut)
	c.Budgets = CutList(c.Budgets, MaxContainers, "budgets", &c.Cut)
	c.Unavailable = CutList(c.Unavailable, MaxContainers, "unavailable", &c.Cut)
	pods, notes, revisions := MaxPods, MaxNotes, MaxRevisions
	full := c
	for {
		c.Cut = slices.Clone(full.Cut)
		c.Pods = CutList(full.Pods, pods, "pods", &c.Cut)
		c.Events = CutList(full.Events, notes, "events", &c.Cut)
		c.Revisions = CutList(full.Revisions, revisions, "revisions", &c.Cut)
		if pods+notes+revisions == 0 || size(c) <= MaxContextSize {
			return c
		}
		pods, notes, revisions = pods/2, notes/2, revisions/2
	}
}

// size is the length of v's JSON; what cannot be encoded counts as too large.
func size(v any) int {
	b, err := json.Marshal(v)
	if err != nil {
		return MaxEventSize + 1
	}
	return len(b)
}
