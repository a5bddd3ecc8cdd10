package caller

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

const (
	// maxSecretFile bounds a file of secrets, in bytes.
	maxSecretFile = 256 << 10
	// racy is how long after a change a file may change again without looking
	// changed: file systems' clocks are coarse.
	racy = time.Second
)

var errEmpty = errors.New("it holds no line but comments")

// secretFile is a file that holds one secret a line. Empty lines and those that
// start with # do not count. It is looked at on each use and read again when
// it has changed, so that a Secret is rotated without a restart.
type secretFile struct {
	path string
	now  func() time.Time

	mu      sync.Mutex
	seen    os.FileInfo
	settled bool
	lines   []secret
}

// secret is one line; only kinds that compute with it look at raw.
type secret struct {
	raw string
	sum [sha256.Size]byte
}

// secrets are those that are in force. An error means that nobody can be
// accepted now.
func (f *secretFile) secrets() ([]secret, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := os.Stat(f.path)
	if err != nil {
		f.seen = nil
		return nil, fmt.Errorf("look at file of credentials: %w", err)
	}
	if f.seen != nil && f.settled && os.SameFile(f.seen, info) && f.seen.ModTime().Equal(info.ModTime()) && f.seen.Size() == info.Size() {
		return f.lines, nil
	}
	text, err := readBounded(f.path)
	if err != nil {
		f.seen = nil
		return nil, err
	}
	f.lines, f.seen, f.settled = parseSecrets(text), info, f.now().Sub(info.ModTime()) > racy
	return f.lines, nil
}

// required is an error unless the file can be read and holds a secret: what is
// asked at the start, where somebody sees it.
func (f *secretFile) required() error {
	lines, err := f.secrets()
	if err == nil && len(lines) == 0 {
		err = fmt.Errorf("read %s: %w", f.path, errEmpty)
	}
	return err
}

func readBounded(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("read file of credentials: %w", err)
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, maxSecretFile+1))
	if err != nil {
		return "", fmt.Errorf("read file of credentials: %w", err)
	}
	if len(text) > maxSecretFile {
		return "", fmt.Errorf("read %s: it is larger than %d bytes", path, maxSecretFile)
	}
	return string(text), nil
}

func parseSecrets(text string) []secret {
	var out []secret
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			out = append(out, secret{raw: line, sum: sha256.Sum256([]byte(line))})
		}
	}
	return out
}

// match finds the secret that equals what was sent. Hashes are compared, all of
// them and each whole, so that the time it takes tells neither length nor place.
func match(lines []secret, sent string) (raw string, ok bool) {
	sum := sha256.Sum256([]byte(sent))
	found := -1
	for i := range lines {
		equal := subtle.ConstantTimeCompare(lines[i].sum[:], sum[:])
		found = subtle.ConstantTimeSelect(equal, i, found)
	}
	if found < 0 {
		return "", false
	}
	return lines[found].raw, true
}
