package image

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// diskBlobs is go-containerregistry's disk store without its reading of each
// blob as a whole whenever one is asked for: blobs are verified when they are
// put, and whoever pulls one verifies it again.
type diskBlobs struct {
	blobStore
	dir string
}

// blobStore is what the registry looks for in its store of blobs.
type blobStore interface {
	registry.BlobHandler
	registry.BlobPutHandler
	registry.BlobDeleteHandler
}

// newDiskBlobs returns the blobs below dir.
func newDiskBlobs(dir string) diskBlobs {
	return diskBlobs{blobStore: registry.NewDiskBlobHandler(dir).(blobStore), dir: dir}
}

// Stat returns a blob's size in bytes, or registry.ErrNotFound.
func (d diskBlobs) Stat(_ context.Context, _ string, h v1.Hash) (int64, error) {
	info, err := os.Stat(filepath.Join(d.dir, h.Algorithm, h.Hex))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, registry.ErrNotFound
	}
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
