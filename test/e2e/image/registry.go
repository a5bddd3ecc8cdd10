package image

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

const (
	// headerTimeout is how long a client may take to send a request's headers.
	headerTimeout = 10 * time.Second
	// manifestLimit is the size in bytes that a manifest may have.
	manifestLimit = 4 << 20
)

// errNoAddress is returned for a registry that would listen nowhere.
var errNoAddress = errors.New("no address to listen at")

// RegistryOptions says where a registry keeps its images and where it listens.
type RegistryOptions struct {
	// Dir keeps blobs and manifests over restarts; "" keeps all in memory.
	Dir string
	// Addresses are the addresses it listens at, all with the same images; port 0
	// takes a free one.
	Addresses []string
	// Log receives a line for each request; nil discards them.
	Log io.Writer
}

// Registry is a running OCI registry without authentication: bind it to
// addresses that only this machine reaches.
type Registry struct {
	server    *http.Server
	addresses []string
}

// Serve starts a registry. It answers when Serve returns; Close ends it.
func Serve(options RegistryOptions) (*Registry, error) {
	if len(options.Addresses) == 0 {
		return nil, fmt.Errorf("start registry: %w", errNoAddress)
	}
	handler, err := newHandler(options)
	if err != nil {
		return nil, fmt.Errorf("start registry: %w", err)
	}
	r := &Registry{server: &http.Server{Handler: handler, ReadHeaderTimeout: headerTimeout}}
	listeners := make([]net.Listener, 0, len(options.Addresses))
	for _, address := range options.Addresses {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			for _, open := range listeners {
				open.Close()
			}
			return nil, fmt.Errorf("listen for images: %w", err)
		}
		listeners = append(listeners, listener)
		r.addresses = append(r.addresses, listener.Addr().String())
	}
	for _, listener := range listeners {
		// It ends with http.ErrServerClosed, by Close.
		go func() { _ = r.server.Serve(listener) }()
	}
	return r, nil
}

// Addresses returns where the registry listens, as host:port, in the order asked
// for.
func (r *Registry) Addresses() []string { return r.addresses }

// Close ends the registry and the connections to it.
func (r *Registry) Close() error { return r.server.Close() }

// newHandler returns the registry's handler, with the images that Dir has.
func newHandler(options RegistryOptions) (http.Handler, error) {
	out := options.Log
	if out == nil {
		out = io.Discard
	}
	settings := []registry.Option{registry.Logger(log.New(out, "", log.LstdFlags))}
	if options.Dir == "" {
		return registry.New(settings...), nil
	}
	blobs, manifests := filepath.Join(options.Dir, "blobs"), filepath.Join(options.Dir, "manifests")
	for _, dir := range []string{blobs, manifests} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, fmt.Errorf("make registry folder: %w", err)
		}
	}
	handler := registry.New(append(settings, registry.WithBlobHandler(newDiskBlobs(blobs)))...)
	kept := &keeper{next: handler, dir: manifests}
	if err := kept.restore(); err != nil {
		return nil, err
	}
	return kept, nil
}
