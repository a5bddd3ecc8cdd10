package image

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const (
	// NonRoot is the user and the group that images run as, unless told otherwise.
	NonRoot = 65532
	// binaryFolder holds the image's binary.
	binaryFolder = "/usr/local/bin"
	// certificatesPath is where Go programs look for CA certificates first.
	certificatesPath = "/etc/ssl/certs/ca-certificates.crt"
)

// ErrNoBinary is returned for a Spec that names no regular file.
var ErrNoBinary = errors.New("binary is missing")

// Spec says what an image holds.
type Spec struct {
	// Binary is the static binary that the image runs.
	Binary string
	// Name is its name in the image; "" is that of the file.
	Name string
	// Files are more files, by absolute path in the image, readable by all.
	Files map[string][]byte
	// Env is added to PATH and SSL_CERT_FILE, as "NAME=value".
	Env []string
	// Root makes the image run as root instead of NonRoot.
	Root bool
}

// Pack makes an image of the binary for this machine's architecture. The image
// depends on nothing but the Spec and the files' content: it has no times and no
// host's names in it. It returns ErrNoBinary if there is no binary.
func Pack(spec Spec) (v1.Image, error) {
	info, err := os.Stat(spec.Binary)
	if err != nil || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("pack image: %w: %q: build it first", ErrNoBinary, spec.Binary)
	}
	if spec.Name == "" {
		spec.Name = filepath.Base(spec.Binary)
	}
	base, err := baseLayer(spec.Files)
	if err != nil {
		return nil, fmt.Errorf("pack base files: %w", err)
	}
	binary, err := binaryLayer(spec)
	if err != nil {
		return nil, fmt.Errorf("pack binary: %w", err)
	}
	image, err := mutate.AppendLayers(
		mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON), base, binary)
	if err != nil {
		return nil, fmt.Errorf("append layers: %w", err)
	}
	config, err := config(image, spec)
	if err != nil {
		return nil, fmt.Errorf("read image config: %w", err)
	}
	image, err = mutate.ConfigFile(image, config)
	if err != nil {
		return nil, fmt.Errorf("set image config: %w", err)
	}
	return image, nil
}

// config returns the image's config: what runs, as whom, with which environment.
func config(image v1.Image, spec Spec) (*v1.ConfigFile, error) {
	file, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", runtime.GOARCH
	file.Config = v1.Config{
		Entrypoint: []string{path.Join(binaryFolder, spec.Name)},
		Env:        append([]string{"PATH=" + binaryFolder, "SSL_CERT_FILE=" + certificatesPath}, spec.Env...),
		WorkingDir: "/",
		User:       fmt.Sprintf("%d:%d", NonRoot, NonRoot),
	}
	if spec.Root {
		file.Config.User = "0:0"
	}
	return file, nil
}

// baseLayer packs what every image has and the Spec's own files.
func baseLayer(files map[string][]byte) (v1.Layer, error) {
	all := map[string][]byte{
		"/etc/passwd":        fmt.Appendf(nil, "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:%d:%d:nonroot:/home/nonroot:/sbin/nologin\n", NonRoot, NonRoot),
		"/etc/group":         fmt.Appendf(nil, "root:x:0:\nnonroot:x:%d:\n", NonRoot),
		"/etc/nsswitch.conf": []byte("hosts: files dns\n"),
	}
	if bundle := certificates(); bundle != nil {
		all[certificatesPath] = bundle
	}
	for name, content := range files {
		all[path.Clean("/"+name)] = content
	}
	archive := newArchive()
	archive.directory("/tmp", 0o1777, 0)
	archive.directory("/home/nonroot", 0o700, NonRoot)
	for _, name := range sortedKeys(all) {
		archive.file(name, 0o644, all[name])
	}
	return archive.layer()
}

// certificates returns this machine's CA bundle, nil if it has none: what runs
// in a test calls nobody out there.
func certificates() []byte {
	for _, file := range []string{certificatesPath, "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"} {
		if content, err := os.ReadFile(file); err == nil {
			return content
		}
	}
	return nil
}

// binaryLayer packs the binary alone, so that the base is the same in all images.
func binaryLayer(spec Spec) (v1.Layer, error) {
	content, err := os.ReadFile(spec.Binary)
	if err != nil {
		return nil, err
	}
	archive := newArchive()
	archive.file(path.Join(binaryFolder, spec.Name), 0o755, content)
	return archive.layer()
}

// sortedKeys returns a map's keys in order, so that images do not depend on the
// order of maps.
func sortedKeys(files map[string][]byte) []string {
	keys := make([]string, 0, len(files))
	for key := range files {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
