package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/google/uuid"

	"kubernaut.ai/local/system"
	"kubernaut.ai/shared/event"
)

// samples is where the golden event of each type is, in the project's folder.
const samples = "shared/event/testdata/samples"

// printEvent prints the golden event of a type as one that has just come, sealed
// with the keys in --dir: a function that was started by hand takes it.
func (o *options) printEvent() error {
	types := shortTypes()
	name := event.ShortType(o.event)
	if !slices.Contains(types, name) {
		return fmt.Errorf("no event has the type %q; there are %s", o.event, strings.Join(types, ", "))
	}
	text, err := os.ReadFile(filepath.Join(o.system.Root, samples, name+".json"))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w; name the project's folder with --root", err)
	}
	if err != nil {
		return err
	}
	// The seal is over the data as it is sent, without the white space that
	// people like.
	var compact bytes.Buffer
	var e cloudevents.Event
	if err := errors.Join(json.Compact(&compact, text), json.Unmarshal(compact.Bytes(), &e)); err != nil {
		return fmt.Errorf("read sample: %w", err)
	}
	// Another event each time: what a stage has answered, it answers alike.
	e.SetID(strings.ReplaceAll(uuid.NewString(), "-", ""))
	e.SetTime(time.Now().UTC())
	if err := system.Seal(o.system.Dir, &e); err != nil {
		return err
	}
	// Not by an encoder, which would escape what is sealed.
	text, err = e.MarshalJSON()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(o.out, string(text))
	return err
}

// shortTypes are the names of all events, as people type them.
func shortTypes() (types []string) {
	for _, entry := range event.Catalogue() {
		types = append(types, event.ShortType(entry.Type))
	}
	return types
}
