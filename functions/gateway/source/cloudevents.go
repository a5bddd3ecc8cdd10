package source

import (
	"errors"
	"fmt"
	"mime"
	"strings"
)

// MediaCloudEvent is of a CloudEvent that is wholly in its body.
const MediaCloudEvent = "application/cloudevents+json"

// Types that Knative's ApiServerSource gives to what it saw of whole objects.
const (
	typeAdd    = "dev.knative.apiserver.resource.add"
	typeUpdate = "dev.knative.apiserver.resource.update"
	typeDelete = "dev.knative.apiserver.resource.delete"
)

const ceVersion = "1.0"

var (
	errCEVersion = errors.New("not a CloudEvent of version 1.0: set the header ce-specversion, or send " + MediaCloudEvent)
	errCEType    = errors.New("not a type of an ApiServerSource in mode Resource; filter the Trigger by type")
	errCEData    = errors.New("its data is not JSON")
)

func init() { Register(openCloudEvents) }

// cloudEvents reads the Kubernetes events that Knative's ApiServerSource sends,
// with this gateway as its sink or by a Broker. Their ids are random, and all
// are sent again when the source starts: what tells them apart is the object,
// the reason and the times in the data.
type cloudEvents struct{ rules eventRules }

func openCloudEvents(s Settings) (Source, error) {
	rules, err := readEventRules(s)
	return cloudEvents{rules}, err
}

func (cloudEvents) Name() string         { return "apiserver" }
func (cloudEvents) Paths() []string      { return []string{"/{$}", "/api/v1/signals/cloudevents"} }
func (cloudEvents) MediaTypes() []string { return []string{MediaJSON, MediaCloudEvent} }

// Reply is empty: a Broker takes a reply that is no event for a failure.
func (cloudEvents) Reply() Reply { return Empty }

// Read reads one event, in either mode of the HTTP binding.
func (s cloudEvents) Read(in Request) (Batch, error) {
	var e envelope
	err := e.of(in)
	if err == nil {
		err = e.check()
	}
	if err != nil {
		return Batch{}, failure("read CloudEvent of an ApiServerSource", err)
	}
	item := s.rules.item(e.data, in.Now)
	if e.kind == typeDelete && item.Invalid == "" {
		item.Ignored = ReasonEventGone
	}
	return Batch{Items: []Item{item}}, nil
}

// envelope is a CloudEvent whose data is an event of Kubernetes.
type envelope struct {
	version, kind, contentType string
	data                       clusterEvent
}

// of reads the mode that the content type says.
func (e *envelope) of(in Request) error {
	media, _, err := mime.ParseMediaType(in.Header.Get("Content-Type"))
	if err == nil && media == MediaCloudEvent {
		return document(in.Body, func(r *reader) error {
			return r.object(func(key string) error { return e.member(r, key) })
		})
	}
	e.version, e.kind = in.Header.Get("Ce-Specversion"), in.Header.Get("Ce-Type")
	if err := e.checkHead(); err != nil {
		return err
	}
	return document(in.Body, e.data.read)
}

// member reads what counts of an event in structured mode.
func (e *envelope) member(r *reader, key string) (err error) {
	switch key {
	case "specversion":
		e.version, err = r.text()
	case "type":
		e.kind, err = r.text()
	case "datacontenttype":
		e.contentType, err = r.text()
	case "data":
		err = e.data.read(r)
	default:
		err = r.skip()
	}
	return err
}

func (e *envelope) check() error {
	if err := e.checkHead(); err != nil {
		return err
	}
	return e.data.check()
}

func (e *envelope) checkHead() error {
	media, _, _ := strings.Cut(e.contentType, ";")
	switch {
	case e.version != ceVersion:
		return errCEVersion
	case e.kind != typeAdd && e.kind != typeUpdate && e.kind != typeDelete:
		return fmt.Errorf("%w: %q", errCEType, cutKey(e.kind))
	case media != "" && media != MediaJSON:
		return errCEData
	}
	return nil
}
