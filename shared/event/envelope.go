package event

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	cloudevents "github.com/cloudevents/sdk-go/v2"
)

// Extension attributes. CloudEvents allows lower-case letters and digits only.
const (
	ExtCorrelation = "correlationid"
	ExtCausation   = "causationid"
	ExtPartition   = "partitionkey"
	ExtTraceParent = "traceparent"
	ExtTraceState  = "tracestate"
	ExtSeal        = "seal"
	ExtSealKey     = "sealkey"
	// ExtExplain marks an event that only explains what would happen. It is
	// sealed where it is set, so that neither kind passes for the other: see
	// ForExplanation.
	ExtExplain = "explain"
)

// explainOnly is the value of ExtExplain. Any other than the empty one marks an
// event as well: what is not understood is not acted on.
const explainOnly = "only"

// Filterable extensions: what Triggers may filter on. They are conveniences
// for routing and are not sealed; no decision rests on them.
var Filterable = []string{"alertname", "severity", "priority", "environment",
	"signalmode", "action", "risk", "outcome", "kind"}

// MaxAttribute bounds the length of an extension's value, in bytes. Brokers
// carry them as HTTP headers.
const MaxAttribute = 256

// idLength is the number of hex characters of an event id.
const idLength = 32

// ErrNotInCatalogue refuses a type that the catalogue does not list, or a
// stage that may not produce it.
var ErrNotInCatalogue = errors.New("event is not in the catalogue")

// ID derives an event's id from its cause, its type and its index among the
// events of that type with that cause. The same cause can mint no second id,
// so a redelivery cannot make a new event.
func ID(cause, eventType string, index int) string {
	text := make([]byte, 0, 256)
	for _, part := range [...]string{cause, eventType, strconv.Itoa(index)} {
		// The length in front keeps ("ab","c") and ("a","bc") apart.
		text = append(strconv.AppendInt(text, int64(len(part)), 10), ':')
		text = append(text, part...)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])[:idLength]
}

// Source is the source attribute of a stage.
func Source(namespace, stage string) string {
	return "/namespaces/" + namespace + "/functions/" + stage
}

// StageOf is the inverse of Source; ok is false for any other source.
func StageOf(source string) (stage string, ok bool) {
	parts := strings.Split(source, "/")
	if len(parts) != 5 || parts[0] != "" || parts[1] != "namespaces" || parts[3] != "functions" || parts[4] == "" {
		return "", false
	}
	return parts[4], true
}

// Attributed is implemented by sections that decide filterable extensions.
type Attributed interface{ Attributes() map[string]string }

// Draft is what New needs to make an event.
type Draft struct {
	Type      string
	Stage     string
	Namespace string
	// Parent is the event that this one answers; nil for those born outside a
	// Broker, which need a Cause instead.
	Parent *cloudevents.Event
	// Cause replaces the parent's id in the new id.
	Cause string
	Index int
	// Document is the data to extend; the zero value starts an empty one.
	Document Document
	// Sections are set on the document, and decide attributes.
	Sections []Section
	Target   Target
	// Correlation is the remediation id, Fingerprint the partition key. Both
	// are inherited from the parent where empty.
	Correlation string
	Fingerprint string
	Now         time.Time
	// Explain marks the event as one that only explains. The reply to a marked
	// event always is one.
	Explain bool
}

// New makes an event of the catalogue, complete but for its seal: attributes
// inherited from the parent, then overridden by what the sections decide. A document
// that is too large is cut, visibly and where nothing rests on it; only if that is
// not enough is it an error.
func New(d Draft) (cloudevents.Event, error) {
	entry, ok := Lookup(d.Type)
	if !ok {
		return cloudevents.Event{}, fmt.Errorf("%w: type %q", ErrNotInCatalogue, d.Type)
	}
	if !entry.Produces(d.Stage) {
		return cloudevents.Event{}, fmt.Errorf("%w: stage %s may not produce %s", ErrNotInCatalogue, d.Stage, d.Type)
	}
	doc, err := d.Document.With(d.Sections...)
	if err != nil {
		return cloudevents.Event{}, err
	}
	if doc, err = d.fit(doc); err != nil {
		return cloudevents.Event{}, err
	}
	body, err := doc.Bytes()
	if err != nil {
		return cloudevents.Event{}, err
	}
	e := cloudevents.NewEvent()
	e.SetID(ID(d.cause(), d.Type, d.Index))
	e.SetType(d.Type)
	e.SetSource(Source(d.Namespace, d.Stage))
	e.SetTime(d.Now)
	e.SetSubject(oneLine(d.subject()))
	e.SetDataContentType(cloudevents.ApplicationJSON)
	e.DataEncoded = body
	d.setExtensions(e.Context.(*cloudevents.EventContextV1)) // NewEvent makes no other
	return e, nil
}

func (d Draft) cause() string {
	if d.Cause == "" && d.Parent != nil {
		return d.Parent.ID()
	}
	return d.Cause
}

func (d Draft) subject() string {
	if d.Target.Kind == "" && d.Parent != nil {
		return d.Parent.Subject()
	}
	return d.Target.String()
}

// inherited are the extensions that a reply takes over from its parent.
var inherited = append([]string{ExtCorrelation, ExtPartition, ExtTraceParent, ExtTraceState, ExtExplain}, Filterable...)

// setExtensions writes the map of the context itself: the SDK's setter checks
// each name anew, and these are constants.
func (d Draft) setExtensions(c *cloudevents.EventContextV1) {
	values := make(map[string]any, len(inherited)+3) // room for causation and the seal's two
	set := func(name, value string) {
		if value = Cut(oneLine(value), MaxAttribute); value != "" {
			values[name] = value
		} else {
			delete(values, name)
		}
	}
	if d.Parent != nil {
		set(ExtCausation, d.Parent.ID())
		for _, name := range inherited {
			set(name, Extension(*d.Parent, name))
		}
	}
	for _, s := range d.Sections {
		if a, ok := s.Value.(Attributed); ok {
			for name, value := range a.Attributes() {
				set(name, value)
			}
		}
	}
	if d.Correlation != "" {
		set(ExtCorrelation, d.Correlation)
	}
	if d.Fingerprint != "" {
		set(ExtPartition, d.Fingerprint)
	}
	if d.Explain {
		set(ExtExplain, explainOnly)
	}
	c.Extensions = values
}

// oneLine replaces control characters. Brokers carry attributes as headers, and
// an event that no header can carry could never be published.
func oneLine(s string) string {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' {
			return strings.Map(printable, s)
		}
	}
	return s
}

func printable(c rune) rune {
	if unicode.IsControl(c) {
		return unicode.ReplacementChar
	}
	return c
}

// Extension reads a string extension; absent is empty.
func Extension(e cloudevents.Event, name string) string {
	s, _ := extension(e, name).(string)
	return s
}

func extension(e cloudevents.Event, name string) any {
	if v1, ok := e.Context.(*cloudevents.EventContextV1); ok {
		return v1.Extensions[name] // Extensions() would copy them all
	} else if e.Context != nil {
		return e.Extensions()[name]
	}
	return nil
}

// typePrefix and typeSuffix are what all types of the catalogue share.
const (
	typePrefix = "ai.kubernaut."
	typeSuffix = ".v1"
)

// ShortType is a type as people read it: remediation.proposed.
func ShortType(eventType string) string {
	return strings.TrimSuffix(strings.TrimPrefix(eventType, typePrefix), typeSuffix)
}
