package signal

import "slices"

// byUrgency are the severities, the least urgent first. Unknown comes before
// all others: nobody can say that it became worse than that.
var byUrgency = []string{SeverityUnknown, SeverityLow, SeverityMedium, SeverityHigh, SeverityCritical}

// Urgency orders severities: the more urgent, the higher, from 0 for unknown.
func Urgency(severity string) int { return max(slices.Index(byUrgency, severity), 0) }

// SeverityOf is the severity of an urgency; unknown for one that is none.
func SeverityOf(urgency int) string {
	if urgency < 0 || urgency >= len(byUrgency) {
		return SeverityUnknown
	}
	return byUrgency[urgency]
}
