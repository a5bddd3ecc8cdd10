package bed

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

//go:embed audit.yaml
var auditPolicy string

// Write is a change that a stage of the product made, or tried to make, as the
// API server wrote it down.
type Write struct {
	// Account is the stage's ServiceAccount, without its namespace.
	Account string
	Verb    string
	// Resource is the plural, with the subresource after a slash.
	Resource, Namespace, Name string
	// Status is the answer's, such as 200 or 409.
	Status int
}

// Done says whether the API server did what was asked.
func (w Write) Done() bool { return w.Status < http.StatusBadRequest }

// auditEntry is the part of the API server's audit.k8s.io/v1 Event that is read here.
type auditEntry struct {
	Verb string
	User struct{ Username string }
	// ObjectRef is of what the request was about.
	ObjectRef      struct{ Resource, Namespace, Name, Subresource string }
	ResponseStatus struct{ Code int }
}

func (e auditEntry) write() Write {
	w := Write{Account: e.User.Username[strings.LastIndexByte(e.User.Username, ':')+1:], Verb: e.Verb,
		Resource: e.ObjectRef.Resource, Namespace: e.ObjectRef.Namespace, Name: e.ObjectRef.Name, Status: e.ResponseStatus.Code}
	if e.ObjectRef.Subresource != "" {
		w.Resource += "/" + e.ObjectRef.Subresource
	}
	return w
}

// Writes lists every change by a stage since the bed came up, the oldest first.
// One that has been answered a moment ago may not be written down yet.
func (b *Bed) Writes() ([]Write, error) {
	file, err := os.Open(b.site.layout.audit())
	if err != nil {
		return nil, fmt.Errorf("read audit log: %w", err)
	}
	defer func() { _ = file.Close() }()
	writes, err := readWrites(file)
	if err != nil {
		return nil, fmt.Errorf("read audit log: %w", err)
	}
	return writes, nil
}

// readWrites reads the whole lines of a log; the last may still be being written.
func readWrites(log io.Reader) ([]Write, error) {
	var writes []Write
	for lines := bufio.NewReader(log); ; {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return writes, nil
		}
		if err != nil {
			return nil, err
		}
		var entry auditEntry
		if err := json.Unmarshal(line, &entry); err != nil {
			return nil, err
		}
		writes = append(writes, entry.write())
	}
}
