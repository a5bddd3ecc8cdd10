package function

import (
	"net/netip"
	"regexp"
	"strings"

	"kubernaut.ai/shared/event"
)

// anAddress stands for one that was taken out.
const anAddress = "[address]"

// Where texts name others' addresses.
var (
	link    = regexp.MustCompile(`(?i)\b[a-z][a-z0-9+.-]*://[^\s"'<>]+`)
	service = regexp.MustCompile(`\b[a-z0-9-]+(?:\.[a-z0-9-]+)+\.svc(?:\.[a-z0-9-]+)*(?::[0-9]+)?\b`)
	literal = regexp.MustCompile(`[0-9A-Za-z.:%\[\]]+`)
)

// discreet takes out of a text what is nobody's business who may only post
// alerts: credentials, and addresses within the cluster. Stages tell reasons and
// keep errors to their logs; but the cluster's own events, which are evidence,
// and texts of models may say anything.
func discreet(text string) string {
	text = link.ReplaceAllString(event.Redact(text), anAddress)
	text = service.ReplaceAllString(text, anAddress)
	return literal.ReplaceAllStringFunc(text, func(word string) string {
		bare := strings.TrimRight(word, ".:")
		if !isAddress(bare) {
			return word
		}
		return anAddress + word[len(bare):]
	})
}

// isAddress tells an IP address, with a port or without, from other words.
func isAddress(word string) bool {
	if _, err := netip.ParseAddrPort(word); err == nil {
		return true
	}
	_, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(word, "["), "]"))
	return err == nil
}

// discreet is the answer as an asker may read it. Names and parameters stay:
// they are what was asked about.
func (s *ExplainedStage) discreet() {
	s.Detail = discreet(s.Detail)
	if c := s.Classification; c != nil {
		for i := range c.Reasons {
			c.Reasons[i] = discreet(c.Reasons[i])
		}
	}
	if p := s.Proposal; p != nil {
		p.Rationale = discreet(p.Rationale)
		for i := range p.Next {
			p.Next[i].Rationale = discreet(p.Next[i].Rationale)
		}
		discreetEvidence(p.Evidence)
	}
	if s.Decision != nil {
		s.Decision.Detail = discreet(s.Decision.Detail)
	}
	if e := s.Execution; e != nil {
		e.Detail, e.Observed = discreet(e.Detail), discreet(e.Observed)
		discreetEvidence(e.Evidence)
	}
	if s.End != nil {
		s.End.Detail = discreet(s.End.Detail)
	}
}

func discreetEvidence(all []event.Evidence) {
	for i := range all {
		all[i].Detail = discreet(all[i].Detail)
	}
}
