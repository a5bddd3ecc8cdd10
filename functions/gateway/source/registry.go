package source

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Settings are the gateway's, as far as sources may ask for them. A duration
// that is none is reported by whoever keeps the settings.
type Settings interface {
	String(name, otherwise string) string
	Duration(name string, otherwise time.Duration) time.Duration
}

// Opener makes a source of its settings, or says which of them is wrong.
type Opener func(Settings) (Source, error)

// openers are all sources that were registered.
var openers []Opener

// Register adds a source to those that every gateway serves. It is called by
// the init of the source's own file.
func Register(open Opener) { openers = append(openers, open) }

// Open makes all registered sources. Its error joins what is wrong with any.
func Open(s Settings) ([]Source, error) {
	all := make([]Source, 0, len(openers))
	var wrong []error
	paths := map[string]string{}
	for _, open := range openers {
		one, err := open(s)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		for _, path := range one.Paths() {
			if other, taken := paths[path]; taken {
				wrong = append(wrong, fmt.Errorf("path %s: of source %s and of %s; give one of them another", path, other, one.Name()))
			}
			paths[path] = one.Name()
		}
		all = append(all, one)
	}
	return all, errors.Join(wrong...)
}

// Paths lists where the sources are posted to, sorted, as people write paths.
func Paths(all []Source) []string {
	var out []string
	for _, s := range all {
		for _, path := range s.Paths() {
			out = append(out, strings.TrimSuffix(path, "{$}"))
		}
	}
	slices.Sort(out)
	return out
}
