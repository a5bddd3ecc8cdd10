package main

import (
	"errors"
	"maps"
	"strings"
)

// keyTokens is the file of the tokens with which senders post to the gateway,
// one a line. The first is the one to give to a sender.
const keyTokens = "tokens"

// admit makes the first token. A new one comes before the present ones, which
// senders may use until they have it; then those can be forgotten. What else the
// Secret holds is the user's.
func (c command) admit(m *material) error {
	tokens := lines(m.callers[keyTokens])
	if c.forgetTokens {
		if len(tokens) < 2 {
			return errors.New("forget tokens: there is one only; start with --new-token")
		}
		tokens = tokens[:1]
	}
	if c.newToken || len(tokens) == 0 {
		token, err := newPassword()
		if err != nil {
			return err
		}
		tokens = append([]string{token}, tokens...)
	}
	content := maps.Clone(m.callers)
	if content == nil {
		content = map[string]string{}
	}
	content[keyTokens] = strings.Join(tokens, "\n") + "\n"
	m.callers = content
	return nil
}

// lines are those of a file that hold something.
func lines(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			out = append(out, line)
		}
	}
	return out
}
