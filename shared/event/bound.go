package event

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// Bounds of what strangers write. What is cut is marked. Together they may be more
// than an event takes, since JSON makes six bytes of some characters: see fit.
const (
	MaxText        = 512
	MaxLabels      = 64
	MaxLabelValue  = 512
	MaxAnnotations = 24
	MaxAnnotation  = 1 << 10
	// MaxObjectLabels and MaxObjectLabelValue bound labels of objects in the cluster,
	// whose values have 63 bytes at most.
	MaxObjectLabels     = 32
	MaxObjectLabelValue = 256
	MaxPods             = 20
	MaxNotes            = 20
	MaxRevisions        = 10
	MaxContainers       = 20
	MaxEvidence         = 12
	MaxRungs            = 5
	MaxAttempts         = 10
	MaxConditions       = 10
)

// Bounds of whole sections, in bytes of JSON.
const (
	MaxSignalSize  = 16 << 10
	MaxContextSize = 24 << 10
	// MaxProposalSize holds where a proposal is made: from then on none of it may be
	// cut, since people and policy decide by its digest.
	MaxProposalSize = 16 << 10
	// MaxExecutionSize is the room that an approval leaves for what execute will say.
	MaxExecutionSize = 16 << 10
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

// deciding are the labels that something is decided by, the first before all
// others: the names are those that classify's tables have for the environment, and
// what an alert is known and found again by. What ends in a slash is a prefix.
var deciding = []string{"alertname", "cluster", "kubernaut.ai/environment", "environment", "env", "kubernaut.ai/",
	"namespace", "severity", "app.kubernetes.io/"}

// rank is a label's place among those that are kept.
func rank(label string) int {
	i := slices.IndexFunc(deciding, func(d string) bool {
		return label == d || strings.HasSuffix(d, "/") && strings.HasPrefix(label, d)
	})
	if i < 0 {
		return len(deciding)
	}
	return i
}

// CutMap keeps at most entries keys, first those that something is decided by,
// then in order of their names, and cuts each value; it reports how many keys
// were left out and how many values were cut.
func CutMap(m map[string]string, entries, value int) (kept map[string]string, left, cut int) {
	keys := slices.SortedFunc(maps.Keys(m), func(a, b string) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b))
	})
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

// Bound cuts a signal's texts to their bounds, and what does not fit
// MaxSignalSize then. Every cut is marked.
func (s Signal) Bound() Signal {
	s.Name, s.Container = Cut(s.Name, MaxAttribute), Cut(s.Container, MaxAttribute)
	s.GeneratorURL = Cut(s.GeneratorURL, MaxAnnotation)
	s.Group, s.Receiver = Cut(s.Group, MaxText), Cut(s.Receiver, MaxAttribute)
	s.SenderSeverity = Cut(s.SenderSeverity, MaxAttribute)
	var left, cut int
	if s.Labels, left, cut = CutMap(s.Labels, MaxLabels, MaxLabelValue); left+cut > 0 {
		s.Cut = append(s.Cut, fmt.Sprintf("labels: %d left out, %d shortened", left, cut))
	}
	if s.Annotations, left, cut = CutMap(s.Annotations, MaxAnnotations, MaxAnnotation); left+cut > 0 {
		s.Cut = append(s.Cut, fmt.Sprintf("annotations: %d left out, %d shortened", left, cut))
	}
	return fitted(SectionSignal, s, MaxSignalSize)
}

// Bound cuts a context's lists and texts to their bounds, and what does not fit
// MaxContextSize then. Every cut is marked.
func (c Context) Bound() Context {
	var left int
	if c.Labels, left, _ = CutMap(c.Labels, MaxObjectLabels, MaxObjectLabelValue); left > 0 {
		c.Cut = append(c.Cut, fmt.Sprintf("labels: %d left out", left))
	}
	if c.NamespaceLabels, left, _ = CutMap(c.NamespaceLabels, MaxObjectLabels, MaxObjectLabelValue); left > 0 {
		c.Cut = append(c.Cut, fmt.Sprintf("namespaceLabels: %d left out", left))
	}
	c.Containers = CutList(c.Containers, MaxContainers, "containers", &c.Cut)
	c.Budgets = CutList(c.Budgets, MaxContainers, "budgets", &c.Cut)
	c.Unavailable = CutList(c.Unavailable, MaxContainers, "unavailable", &c.Cut)
	c.Pods = CutList(c.Pods, MaxPods, "pods", &c.Cut)
	c.Events = CutList(c.Events, MaxNotes, "events", &c.Cut)
	c.Revisions = CutList(c.Revisions, MaxRevisions, "revisions", &c.Cut)
	return fitted(SectionContext, c, MaxContextSize)
}
