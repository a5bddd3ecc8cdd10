package image

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// errLost is returned for kept manifests that the registry does not take back.
var errLost = errors.New("manifests cannot be restored: empty the registry's folder")

// keeper writes each manifest that the registry takes to a file, and puts them
// back when it starts: the registry itself only keeps blobs on disk.
type keeper struct {
	next http.Handler
	dir  string
	mu   sync.Mutex
}

// kept is one manifest as it was put.
type kept struct {
	Path        string
	ContentType string
	Body        []byte
}

// ServeHTTP passes requests on and keeps what they change.
func (k *keeper) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.Contains(r.URL.Path, "/manifests/") || r.Method != http.MethodPut && r.Method != http.MethodDelete {
		k.next.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, manifestLimit))
	if err != nil {
		http.Error(w, "manifest is too large or was cut off", http.StatusRequestEntityTooLarge)
		return
	}
	// One at a time, so that the files say what the registry says.
	k.mu.Lock()
	defer k.mu.Unlock()
	r.Body = io.NopCloser(bytes.NewReader(body))
	answer := httptest.NewRecorder()
	k.next.ServeHTTP(answer, r)
	if err := k.keep(r, answer.Code, body); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

// keep writes or removes the file of a manifest that the registry took.
func (k *keeper) keep(r *http.Request, code int, body []byte) error {
	file := k.file(r.URL.Path)
	switch code {
	case http.StatusAccepted:
		return os.Remove(file)
	case http.StatusCreated:
		content, err := json.Marshal(kept{Path: r.URL.Path, ContentType: r.Header.Get("Content-Type"), Body: body})
		if err != nil {
			return fmt.Errorf("keep manifest: %w", err)
		}
		return writeWhole(file, content)
	}
	return nil
}

// file returns the file of the manifest that is put to path.
func (k *keeper) file(path string) string {
	return filepath.Join(k.dir, fmt.Sprintf("%x.json", sha256.Sum256([]byte(path))))
}

// restore puts the kept manifests back. An index is refused as long as an image
// of it is not there, so it goes round until all are taken.
func (k *keeper) restore() error {
	open, err := k.load()
	if err != nil {
		return err
	}
	for len(open) > 0 {
		var refused []kept
		for _, manifest := range open {
			if !k.put(manifest) {
				refused = append(refused, manifest)
			}
		}
		if len(refused) == len(open) {
			return fmt.Errorf("restore %s: %w", refused[0].Path, errLost)
		}
		open = refused
	}
	return nil
}

// load reads the kept manifests.
func (k *keeper) load() ([]kept, error) {
	files, err := filepath.Glob(filepath.Join(k.dir, "*.json"))
	if err != nil {
		return nil, fmt.Errorf("list manifests: %w", err)
	}
	all := make([]kept, 0, len(files))
	for _, file := range files {
		var manifest kept
		content, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(content, &manifest)
		}
		if err != nil {
			return nil, fmt.Errorf("read manifest %s: %w: %w", file, err, errLost)
		}
		all = append(all, manifest)
	}
	return all, nil
}

// put gives a manifest to the registry and says whether it took it.
func (k *keeper) put(manifest kept) bool {
	request := httptest.NewRequest(http.MethodPut, manifest.Path, bytes.NewReader(manifest.Body))
	request.Header.Set("Content-Type", manifest.ContentType)
	answer := httptest.NewRecorder()
	k.next.ServeHTTP(answer, request)
	return answer.Code == http.StatusCreated
}

// writeWhole writes a file so that it is there whole or not at all.
func writeWhole(file string, content []byte) error {
	temporary := file + ".new"
	if err := os.WriteFile(temporary, content, 0o644); err != nil {
		return fmt.Errorf("keep manifest: %w", err)
	}
	if err := os.Rename(temporary, file); err != nil {
		return fmt.Errorf("keep manifest: %w", err)
	}
	return nil
}
