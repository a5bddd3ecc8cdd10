package event

import (
	"fmt"

	cloudevents "github.com/cloudevents/sdk-go/v2"
)

// ForExplanation reports whether the event only asks, or says, what would
// happen. Nothing may be done for it, and nothing kept of it. The mark is under
// the seal: taken off, or put on an event that has none, it breaks the seal.
func ForExplanation(e cloudevents.Event) bool { return mark(e) != "" }

// mark is the event's mark as text, whatever type a decoder gave it.
func mark(e cloudevents.Event) string {
	v := extension(e, ExtExplain)
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}
