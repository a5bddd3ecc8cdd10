package bed

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"
)

// record is what the bed remembers of itself in the state folder, written before
// anything is made on the machine: whoever finds it can take the rest down.
type record struct {
	Boot             string
	Began            time.Time
	Ready            time.Time `json:",omitzero"`
	Ports            ports
	Before           touched
	Options          recordedOptions
	RedisPassword    string
	PostgresPassword string
}

type recordedOptions struct {
	FakeNodes      int
	WithoutKnative bool
}

func newRecord(options Options, now time.Time) (*record, error) {
	free, err := freePorts()
	if err != nil {
		return nil, err
	}
	boot, err := bootID()
	if err != nil {
		return nil, err
	}
	r := &record{Boot: boot, Began: now, Ports: free, Before: takeStock(),
		Options: recordedOptions{FakeNodes: options.FakeNodes, WithoutKnative: options.WithoutKnative}}
	for _, password := range []*string{&r.RedisPassword, &r.PostgresPassword} {
		var secret [16]byte
		_, _ = rand.Read(secret[:]) // never fails
		*password = hex.EncodeToString(secret[:])
	}
	return r, nil
}

func dirOf(path string) string { return filepath.Dir(path) }

// extraPaths hold daemons that an ordinary PATH may lack.
var extraPaths = []string{"/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/bin"}

// lookPath finds a program of the distribution, on PATH or beside it.
func lookPath(name string) (string, error) {
	found, err := exec.LookPath(name)
	if err == nil {
		return filepath.Abs(found)
	}
	for _, dir := range extraPaths {
		if found, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return found, nil
		}
	}
	return "", fmt.Errorf("find program %s: %w", name, err)
}
