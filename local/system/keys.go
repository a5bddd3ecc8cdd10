package system

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"kubernaut.ai/shared/event"
)

// keys are the sealing keys of a local fleet, kept so that events of an
// earlier run are still believed.
type keys struct {
	dir    string
	public string
}

const (
	keysDir    = "keys"
	publicFile = "public"
	seedSize   = 32
)

// openKeys reads the key of each stage from the folder, making those that
// are missing.
func openKeys(dir string, stages []string) (keys, error) {
	k := keys{dir: filepath.Join(dir, keysDir)}
	if err := os.MkdirAll(k.dir, dirMode); err != nil {
		return k, fmt.Errorf("make keys folder: %w", err)
	}
	var lines []string
	for _, stage := range stages {
		key, err := k.open(stage)
		if err != nil {
			return k, err
		}
		lines = append(lines, stage+" "+key.Public())
	}
	k.public = strings.Join(lines, "\n")
	return k, k.publish()
}

// publish writes the public keys, unless they are there: a system may be about
// to read them.
func (k keys) publish() error {
	text := []byte(k.public + "\n")
	if there, err := os.ReadFile(k.publicPath()); err == nil && bytes.Equal(there, text) {
		return nil
	}
	if err := os.WriteFile(k.publicPath(), text, secretMode); err != nil {
		return fmt.Errorf("write public keys: %w", err)
	}
	return nil
}

func (k keys) path(stage string) string { return filepath.Join(k.dir, stage) }
func (k keys) publicPath() string       { return filepath.Join(k.dir, publicFile) }

func (k keys) open(stage string) (event.SealingKey, error) {
	text, err := os.ReadFile(k.path(stage))
	if errors.Is(err, fs.ErrNotExist) {
		text, err = k.create(stage)
	}
	if err != nil {
		return event.SealingKey{}, fmt.Errorf("open sealing key of %s: %w", stage, err)
	}
	key, err := event.ParseSealingKey(string(text))
	if err != nil {
		return key, fmt.Errorf("%w; delete %s to have a new one made", err, k.path(stage))
	}
	return key, nil
}

func (k keys) create(stage string) ([]byte, error) {
	seed := make([]byte, seedSize)
	if _, err := rand.Read(seed); err != nil {
		return nil, err
	}
	text := []byte(base64.StdEncoding.EncodeToString(seed))
	// Written whole or not at all: half a key would stop every later start.
	temporary := k.path(stage) + ".new"
	if err := os.WriteFile(temporary, text, secretMode); err != nil {
		return nil, err
	}
	return text, os.Rename(temporary, k.path(stage))
}
