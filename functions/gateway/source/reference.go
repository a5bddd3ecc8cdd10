package source

import "kubernaut.ai/shared/signal"

// reference is a Kubernetes object reference, as events carry it.
type reference struct {
	object signal.Object
	uid    string
	// fieldPath is the part of the object that is meant, such as
	// spec.containers{cart}.
	fieldPath string
}

func (f *reference) read(r *reader) error {
	if r.null() {
		return nil
	}
	return r.object(func(key string) (err error) {
		switch key {
		case "apiVersion":
			f.object.APIVersion, err = r.text()
		case "kind":
			f.object.Kind, err = r.text()
		case "namespace":
			f.object.Namespace, err = r.text()
		case "name":
			f.object.Name, err = r.text()
		case "uid":
			f.uid, err = r.text()
		case "fieldPath":
			f.fieldPath, err = r.text()
		default:
			err = r.skip()
		}
		return err
	})
}
