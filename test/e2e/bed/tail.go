package bed

import (
	"bytes"
	"fmt"
	"os"
)

// Bounds of what an error quotes from a log.
const (
	tailBytes = 4096
	tailLines = 8
)

// tail is the end of a log, for an error: its last lines and where the rest is.
func tail(log string) string {
	content, err := lastBytes(log, tailBytes)
	if err != nil {
		return fmt.Sprintf("its log cannot be read: %v", err)
	}
	return fmt.Sprintf("the end of %s:\n%s", log, lastWords(content))
}

// lastWords are the last lines of what a program said, for an error.
func lastWords(content []byte) string {
	lines := bytes.Split(bytes.TrimSpace(content), []byte("\n"))
	if len(lines) > tailLines {
		lines = lines[len(lines)-tailLines:]
	}
	return string(bytes.Join(lines, []byte("\n")))
}

func lastBytes(path string, limit int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	start := max(0, info.Size()-limit)
	content := make([]byte, info.Size()-start)
	n, err := file.ReadAt(content, start)
	if n < len(content) && err != nil {
		return nil, err
	}
	return content, nil
}

// logSays is nil when the log holds every one of the phrases.
func logSays(log string, phrases ...string) error {
	content, err := os.ReadFile(log)
	if err != nil {
		return fmt.Errorf("read log: %w", err)
	}
	for _, phrase := range phrases {
		if !bytes.Contains(content, []byte(phrase)) {
			return fmt.Errorf("the log does not say %q yet", phrase)
		}
	}
	return nil
}
