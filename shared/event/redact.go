package event

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Redacted stands for what was taken out of a text.
const Redacted = "[redacted]"

// secret recognises what must not get into an event from a text that strangers
// wrote.
type secret struct {
	pattern *regexp.Regexp
	with    string
	// signs are what a text must have one of to match, in lower case where fold
	// says that the pattern takes either. To look for them takes a hundredth of the
	// time, and most texts have none.
	signs []string
	fold  bool
}

// Parts of the patterns. A quote may stand behind backslashes: JSON in JSON, a
// quoted command.
const (
	// separator is what stands between a setting's name and its value.
	separator = `\\*["']?\s*[:=]\s*`
	// quoted is a value in quotes: with their own escapes, with the escapes of JSON
	// in JSON, or deeper, up to the first quote. One that was cut has no last quote.
	quoted = `"(?:[^"\\\n]|\\.)*"?` +
		`|\\"(?:[^"\\\n]|\\[^"\\\n]|\\\\(?:\\["\\]|[^"\\\n]))*(?:\\?")?` +
		`|\\{2,}"[^"\n]*"?` +
		`|\\*'[^'\n]*'?`
	// bare is a value without quotes, and the scheme in front of it.
	bare = `(?:(?:bearer|basic|digest|negotiate|token|api-?key)[ \t]+)?[^\s,;&]+`
	// header is the rest of a header, whatever its scheme: up to the line's end, a
	// quote or a comma, but for those of its own parameters.
	header = `(?:[= \t]\\*(?:"[^"\n]*"|'[^'\n]*')|,\s*[a-z0-9_-]+=(?:\\*"[^"\n]*")?|\\+[^"'\\\n]|[^"'\\,\n])+`
)

// secrets err on the side of taking out too much: what they leave is read by
// people and models.
var secrets = []secret{
	{pattern: regexp.MustCompile(`(?s)-----BEGIN [A-Z ]+-----.*?(-----END [A-Z ]+-----|$)`), with: Redacted,
		signs: []string{"-----BEGIN "}},
	// Before the schemes, whose words are a part of the header's value.
	{pattern: regexp.MustCompile(`(?i)([a-z0-9_.-]*(?:authorization|cookie)[a-z0-9_.-]*` + separator + `)(?:` + quoted + `|` + header + `)`), with: "$1" + Redacted,
		signs: []string{"authorization", "cookie"}, fold: true},
	{pattern: regexp.MustCompile(`(?i)\b(bearer|basic)\s+[a-z0-9._~+/=-]{6,}`), with: "$1 " + Redacted,
		signs: []string{"bearer", "basic"}, fold: true},
	{pattern: regexp.MustCompile(`(?i)([a-z0-9_.-]*(?:passw(?:or)?d|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential|session)[a-z0-9_.-]*` + separator + `)(?:` + quoted + `|` + bare + `)`), with: "$1" + Redacted,
		signs: []string{"passw", "passphrase", "pwd", "secret", "token", "key", "credential", "session"}, fold: true},
	{pattern: regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://)[^/\s@]+@`), with: "$1" + Redacted + "@",
		signs: []string{"@"}},
	{pattern: regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)?`), with: Redacted,
		signs: []string{"eyJ"}},
	{pattern: regexp.MustCompile(`\b(?:AKIA|ASIA)[0-9A-Z]{16}\b`), with: Redacted,
		signs: []string{"AKIA", "ASIA"}},
	{pattern: regexp.MustCompile(`\bgh[pousr]_[A-Za-z0-9]{20,}\b`), with: Redacted,
		signs: []string{"ghp_", "gho_", "ghu_", "ghs_", "ghr_"}},
}

// Redact takes what looks like a credential out of a text.
func Redact(text string) string {
	// Letters beyond ASCII may count as one of ASCII in either case.
	lower := ""
	if isASCII(text) {
		lower = strings.ToLower(text)
	}
	for _, s := range secrets {
		if s.mayBeIn(text, lower) {
			text = s.pattern.ReplaceAllString(text, s.with)
		}
	}
	return text
}

// mayBeIn tells whether the pattern is worth its time. What was taken out
// meanwhile has brought no sign in.
func (s secret) mayBeIn(text, lower string) bool {
	if s.fold {
		if lower == "" {
			return true
		}
		text = lower
	}
	return slices.ContainsFunc(s.signs, func(sign string) bool { return strings.Contains(text, sign) })
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
