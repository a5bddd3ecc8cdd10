package main

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"kubernaut.ai/shared/event"
)

const (
	seedSize     = 32
	passwordSize = 24
	// maxKeyFile bounds the file of a language model's key, in bytes.
	maxKeyFile = 64 << 10
	all        = "all"
)

// material is every secret of an installation.
type material struct {
	// present and next are the seeds of stages' sealing keys in base64.
	present, next map[string]string
	// ring lists the public keys that are accepted, by stage, the oldest first.
	ring map[string][]string
	// redis and history are the contents of the stores' Secrets.
	redis, history map[string]string
	// callers are the gateway's files of credentials: the tokens of senders, and
	// what people have put beside them.
	callers map[string]string
	llmKey  string
}

func newMaterial() *material {
	return &material{present: map[string]string{}, next: map[string]string{}, ring: map[string][]string{}}
}

// manifests reads what there is, changes it as asked, and renders it.
func (c command) manifests(stdin io.Reader) ([]byte, error) {
	stages, err := stagesOf(c.root)
	if err != nil {
		return nil, err
	}
	m, err := c.read(stdin)
	if err != nil {
		return nil, err
	}
	if err := c.change(m, stages); err != nil {
		return nil, err
	}
	if c.llmKeyFile != "" {
		if m.llmKey, err = readKeyFile(c.llmKeyFile); err != nil {
			return nil, err
		}
	}
	if err := c.admit(m); err != nil {
		return nil, err
	}
	if err := c.stores.address(m); err != nil {
		return nil, err
	}
	return m.render(c.stores.namespace)
}

// change applies the steps of a rotation in the order in which they are safe.
func (c command) change(m *material, stages []string) error {
	for _, stage := range stages {
		if m.present[stage] == "" {
			seed, err := newSeed()
			if err != nil {
				return err
			}
			m.present[stage] = seed
		}
	}
	if c.promote {
		if len(m.next) == 0 {
			return errors.New("promote: no stage has a next key; start with --rotate")
		}
		maps.Copy(m.present, m.next)
		clear(m.next)
	}
	if c.rotate != "" {
		if err := m.rotate(c.rotate, stages); err != nil {
			return err
		}
	}
	if c.forget {
		clear(m.ring)
	}
	return m.accept()
}

// rotate makes next keys for the named stages.
func (m *material) rotate(names string, stages []string) error {
	chosen := strings.Split(names, ",")
	if names == all {
		chosen = stages
	}
	for _, stage := range chosen {
		if !slices.Contains(stages, stage) {
			return fmt.Errorf("rotate: there is no stage %q; there are %s", stage, strings.Join(stages, ", "))
		}
		if m.next[stage] != "" {
			return fmt.Errorf("rotate: %s has a next key already; make it the present one with --promote first", stage)
		}
		seed, err := newSeed()
		if err != nil {
			return err
		}
		m.next[stage] = seed
	}
	return nil
}

// accept puts every present and next key into the ring.
func (m *material) accept() error {
	for _, seeds := range []map[string]string{m.present, m.next} {
		for stage, seed := range seeds {
			key, err := event.ParseSealingKey(seed)
			if err != nil {
				return fmt.Errorf("stage %s: %w", stage, err)
			}
			if !slices.Contains(m.ring[stage], key.Public()) {
				m.ring[stage] = append(m.ring[stage], key.Public())
			}
		}
	}
	return nil
}

func newSeed() (string, error) {
	seed, err := random(seedSize)
	if err != nil {
		return "", fmt.Errorf("make sealing key: %w", err)
	}
	return base64.StdEncoding.EncodeToString(seed), nil
}

// newPassword has only characters that URLs and configuration files take as
// they are.
func newPassword() (string, error) {
	b, err := random(passwordSize)
	if err != nil {
		return "", fmt.Errorf("make password: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}

func random(size int) ([]byte, error) {
	b := make([]byte, size)
	_, err := rand.Read(b)
	return b, err
}

// stagesOf lists the folders of functions/ that are functions, sorted.
func stagesOf(root string) ([]string, error) {
	found, err := filepath.Glob(filepath.Join(root, "functions", "*", "func.yaml"))
	if err != nil {
		return nil, fmt.Errorf("list stages: %w", err)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("list stages: %s holds no functions; name the project's folder with --root", filepath.Join(root, "functions"))
	}
	stages := make([]string, len(found))
	for i, path := range found {
		stages[i] = filepath.Base(filepath.Dir(path))
	}
	slices.Sort(stages)
	return stages, nil
}

func readKeyFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("read key of language model: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
	if err != nil {
		return "", fmt.Errorf("read key of language model: %w", err)
	}
	key := strings.TrimSpace(string(text))
	if key == "" {
		return "", fmt.Errorf("read key of language model: %s is empty", path)
	}
	return key, nil
}
