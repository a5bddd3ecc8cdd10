package image

import (
	"archive/tar"
	"bytes"
	"path"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// archive writes a tar file and keeps the first error.
type archive struct {
	buffer  bytes.Buffer
	writer  *tar.Writer
	written map[string]bool
	err     error
}

// newArchive returns an empty archive.
func newArchive() *archive {
	a := &archive{written: map[string]bool{"/": true}}
	a.writer = tar.NewWriter(&a.buffer)
	return a
}

// directory adds a folder and those above it.
func (a *archive) directory(name string, mode int64, owner int) {
	if a.written[name] {
		return
	}
	a.written[name] = true
	if parent := path.Dir(name); parent != "/" {
		a.directory(parent, 0o755, 0)
	}
	a.header(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: mode, Uid: owner, Gid: owner})
}

// file adds a file of root's and the folders above it.
func (a *archive) file(name string, mode int64, content []byte) {
	a.directory(path.Dir(name), 0o755, 0)
	a.header(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(content))})
	if a.err == nil {
		_, a.err = a.writer.Write(content)
	}
}

// header writes a header without leading slash and with the same time always.
func (a *archive) header(h *tar.Header) {
	if a.err != nil {
		return
	}
	h.Name, h.ModTime, h.Format = h.Name[1:], time.Unix(0, 0).UTC(), tar.FormatPAX
	a.err = a.writer.WriteHeader(h)
}

// layer ends the archive.
func (a *archive) layer() (v1.Layer, error) {
	if a.err == nil {
		a.err = a.writer.Close()
	}
	if a.err != nil {
		return nil, a.err
	}
	return static.NewLayer(a.buffer.Bytes(), types.OCIUncompressedLayer), nil
}
