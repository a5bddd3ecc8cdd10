package system

import (
	"fmt"

	cloudevents "github.com/cloudevents/sdk-go/v2"

	"kubernaut.ai/shared/event"
)

// Seal seals an event anew with the key that the stage which it names as its
// source has in a folder of --dir: functions that read their keys there believe
// it. Keys that are missing are made.
func Seal(dir string, e *cloudevents.Event) error {
	stage, ok := event.StageOf(e.Source())
	if !ok {
		return fmt.Errorf("seal event: no stage is named by its source %q", e.Source())
	}
	k, err := openKeys(dir, Stages())
	if err != nil {
		return err
	}
	key, err := k.open(stage)
	if err != nil {
		return err
	}
	return key.Seal(e)
}
