package source

import "errors"

// fluxMarker is the header by which Flux's generic providers say which of its
// controllers speaks.
const fluxMarker = "Gotk-Component"

var (
	errNoObject   = errors.New("it names no object: involvedObject needs a kind and a name")
	errNoSeverity = errors.New("it gives no severity, which every event of Flux has")
)

func init() { Register(openFlux) }

// flux reads the events that Flux's notification-controller posts by its
// providers generic and generic-hmac. Their signature is not its matter: who
// posts is checked before. Flux gives up after a few tries, and posts an error
// again when it meets it again.
type flux struct{}

func openFlux(Settings) (Source, error) { return flux{}, nil }

func (flux) Name() string         { return "flux" }
func (flux) Paths() []string      { return []string{"/api/v1/signals/flux"} }
func (flux) MediaTypes() []string { return []string{MediaJSON} }
func (flux) Reply() Reply         { return Report }

// Read reads one event.
func (flux) Read(in Request) (Batch, error) {
	n := notice{now: in.Now}
	controller, message := in.Header.Get(fluxMarker), ""
	err := document(in.Body, func(r *reader) error {
		return r.object(func(key string) (err error) {
			switch key {
			case "reportingController":
				controller, err = r.text()
			case "message":
				message, err = r.text()
			default:
				err = n.member(r, key)
			}
			return err
		})
	})
	if err == nil {
		err = n.check()
	}
	if err != nil {
		return Batch{}, failure("read event of Flux", err)
	}
	n = n.labelled(controller)
	if n.annotations == nil {
		n.annotations = map[string]string{}
	}
	n.annotations["message"] = message
	return Batch{Items: []Item{n.item()}}, nil
}

// check says what an event lacks without which it is none of Flux. What has no
// severity is most likely Kubernetes' own event, which has the same names else.
func (n *notice) check() error {
	switch {
	case n.object.Kind == "" || n.object.Name == "":
		return errNoObject
	case n.severity == "":
		return errNoSeverity
	}
	return nil
}

func (n *notice) member(r *reader, key string) (err error) {
	switch key {
	case "involvedObject":
		var ref reference
		err = ref.read(r)
		n.object = ref.object
	case "severity":
		n.severity, err = r.text()
	case "reason":
		n.reason, err = r.text()
	case "metadata":
		n.annotations, err = r.texts()
	case "timestamp":
		var ok bool
		n.at, ok, err = r.time()
		n.badTime = !ok
	default:
		err = r.skip()
	}
	return err
}
