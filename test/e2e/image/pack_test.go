package image_test

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/stretchr/testify/require"

	"kubernaut.ai/test/e2e/image"
)

// program writes a file that stands for a static binary and returns its path.
func program(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "program")
	require.NoError(t, os.WriteFile(file, []byte(content), 0o755))
	return file
}

// packed returns the image of a Spec.
func packed(t *testing.T, spec image.Spec) v1.Image {
	t.Helper()
	made, err := image.Pack(spec)
	require.NoError(t, err)
	return made
}

// digest returns an image's digest.
func digest(t *testing.T, made v1.Image) string {
	t.Helper()
	hash, err := made.Digest()
	require.NoError(t, err)
	return hash.String()
}

// entries returns an image's files and folders by their path.
func entries(t *testing.T, made v1.Image) (map[string]*tar.Header, map[string]string) {
	t.Helper()
	headers, contents := map[string]*tar.Header{}, map[string]string{}
	layers, err := made.Layers()
	require.NoError(t, err)
	for _, layer := range layers {
		stream, err := layer.Uncompressed()
		require.NoError(t, err)
		for reader := tar.NewReader(stream); ; {
			header, err := reader.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			content, err := io.ReadAll(reader)
			require.NoError(t, err)
			require.NotContains(t, headers, header.Name, "an entry is written once")
			headers[header.Name], contents[header.Name] = header, string(content)
		}
		require.NoError(t, stream.Close())
	}
	return headers, contents
}

func TestAnImageIsAValidOCIImage(t *testing.T) {
	made := packed(t, image.Spec{Binary: program(t, "static")})
	require.NoError(t, validate.Image(made, validate.Fast))
	manifest, err := made.Manifest()
	require.NoError(t, err)
	require.Equal(t, types.OCIManifestSchema1, manifest.MediaType)
	require.Equal(t, types.OCIConfigJSON, manifest.Config.MediaType)
	require.Len(t, manifest.Layers, 2)
	for _, layer := range manifest.Layers {
		require.Equal(t, types.OCIUncompressedLayer, layer.MediaType)
	}
}

func TestAnImageHoldsTheBinaryAndWhatProgramsExpect(t *testing.T) {
	made := packed(t, image.Spec{
		Binary: program(t, "static"), Name: "coredns",
		Files: map[string][]byte{"/etc/coredns/Corefile": []byte(".:53 {}")},
		Env:   []string{"KO_DATA_PATH=/var/run/ko"},
	})
	headers, contents := entries(t, made)
	require.Equal(t, "static", contents["usr/local/bin/coredns"])
	require.EqualValues(t, 0o755, headers["usr/local/bin/coredns"].Mode)
	require.EqualValues(t, 0o1777, headers["tmp/"].Mode)
	require.EqualValues(t, image.NonRoot, headers["home/nonroot/"].Uid)
	require.Contains(t, contents["etc/passwd"], "nonroot:x:65532:65532:")
	require.Contains(t, contents["etc/group"], "nonroot:x:65532:")
	require.Equal(t, ".:53 {}", contents["etc/coredns/Corefile"])
	require.Contains(t, headers, "etc/coredns/", "folders are written before what is in them")

	config, err := made.ConfigFile()
	require.NoError(t, err)
	require.Equal(t, []string{"/usr/local/bin/coredns"}, config.Config.Entrypoint)
	require.Equal(t, "65532:65532", config.Config.User)
	require.Contains(t, config.Config.Env, "KO_DATA_PATH=/var/run/ko")
	require.Equal(t, "linux", config.OS)
}

func TestAnImageRunsAsRootOnlyWhenToldTo(t *testing.T) {
	config, err := packed(t, image.Spec{Binary: program(t, "static"), Root: true}).ConfigFile()
	require.NoError(t, err)
	require.Equal(t, "0:0", config.Config.User)
}

func TestTheDigestDependsOnWhatIsInTheImageAlone(t *testing.T) {
	files := map[string][]byte{"/a": []byte("1"), "/b/c": []byte("2"), "/b/d": []byte("3")}
	first := digest(t, packed(t, image.Spec{Binary: program(t, "static"), Files: files}))
	require.Equal(t, first, digest(t, packed(t, image.Spec{Binary: program(t, "static"), Files: files})),
		"the same content at another time in another folder")

	changes := []struct {
		name string
		spec image.Spec
	}{
		{"another binary", image.Spec{Binary: program(t, "other"), Files: files}},
		{"another name", image.Spec{Binary: program(t, "static"), Name: "other", Files: files}},
		{"fewer files", image.Spec{Binary: program(t, "static")}},
		{"another variable", image.Spec{Binary: program(t, "static"), Files: files, Env: []string{"A=1"}}},
		{"another user", image.Spec{Binary: program(t, "static"), Files: files, Root: true}},
	}
	for _, change := range changes {
		t.Run(change.name, func(t *testing.T) {
			require.NotEqual(t, first, digest(t, packed(t, change.spec)))
		})
	}
}

func TestAnImageOfNoBinaryIsRefused(t *testing.T) {
	for name, binary := range map[string]string{
		"a missing file": filepath.Join(t.TempDir(), "missing"),
		"a folder":       t.TempDir(),
		"nothing":        "",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := image.Pack(image.Spec{Binary: binary})
			require.ErrorIs(t, err, image.ErrNoBinary)
		})
	}
}
