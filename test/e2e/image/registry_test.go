package image_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/stretchr/testify/require"

	"kubernaut.ai/test/e2e/image"
)

// serve starts a registry that keeps its images in dir and ends with the test.
func serve(t *testing.T, dir string, addresses ...string) *image.Registry {
	t.Helper()
	if len(addresses) == 0 {
		addresses = []string{"127.0.0.1:0"}
	}
	server, err := image.Serve(image.RegistryOptions{Dir: dir, Addresses: addresses})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	return server
}

// pull gets an image with all its layers, whose digests are checked on the way.
func pull(t *testing.T, reference string) v1.Image {
	t.Helper()
	parsed, err := name.ParseReference(reference, name.Insecure)
	require.NoError(t, err)
	got, err := remote.Image(parsed, remote.WithContext(t.Context()))
	require.NoError(t, err)
	require.NoError(t, validate.Image(got, validate.Fast))
	entries(t, got)
	return got
}

// push sends an image.
func push(t *testing.T, made v1.Image, target string) (reference string, sent bool) {
	t.Helper()
	reference, sent, err := image.Push(t.Context(), made, target)
	require.NoError(t, err)
	return reference, sent
}

func TestAPushedImageIsPulledByItsDigestFromEachAddress(t *testing.T) {
	for storage, dir := range map[string]string{"memory": "", "disk": t.TempDir()} {
		t.Run(storage, func(t *testing.T) {
			server := serve(t, dir, "127.0.0.1:0", "127.0.0.1:0")
			made := packed(t, image.Spec{Binary: program(t, "static")})
			reference, sent := push(t, made, server.Addresses()[0]+"/platform/program:local")
			require.True(t, sent)
			require.True(t, strings.HasSuffix(reference, "/platform/program@"+digest(t, made)), reference)
			for _, address := range server.Addresses() {
				require.Equal(t, digest(t, made), digest(t, pull(t, address+"/platform/program@"+digest(t, made))))
			}
		})
	}
}

func TestAnImageIsSentOnlyWhereItIsNotYet(t *testing.T) {
	server := serve(t, "")
	target := server.Addresses()[0] + "/platform/program:local"
	made := packed(t, image.Spec{Binary: program(t, "static")})
	first, sent := push(t, made, target)
	require.True(t, sent)
	second, sent := push(t, packed(t, image.Spec{Binary: program(t, "static")}), target)
	require.False(t, sent, "the same image again")
	require.Equal(t, first, second)
	_, sent = push(t, packed(t, image.Spec{Binary: program(t, "changed")}), target)
	require.True(t, sent, "another image of the same tag")
}

func TestARegistryOnDiskHasItsImagesAfterARestart(t *testing.T) {
	dir := t.TempDir()
	server := serve(t, dir)
	made := packed(t, image.Spec{Binary: program(t, "static")})
	index := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: made})
	outer := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: index})
	tag, err := name.NewTag(server.Addresses()[0]+"/functions/gateway:latest", name.Insecure)
	require.NoError(t, err)
	require.NoError(t, remote.WriteIndex(tag, outer))
	push(t, made, server.Addresses()[0]+"/platform/program:local")
	require.NoError(t, server.Close())

	again := serve(t, dir)
	_, sent := push(t, made, again.Addresses()[0]+"/platform/program:local")
	require.False(t, sent)
	tag, err = name.NewTag(again.Addresses()[0]+"/functions/gateway:latest", name.Insecure)
	require.NoError(t, err)
	got, err := remote.Index(tag)
	require.NoError(t, err)
	require.NoError(t, validate.Index(got, validate.Fast), "the index, the index in it, and its image")
}

func TestADeletedManifestStaysDeletedAfterARestart(t *testing.T) {
	dir := t.TempDir()
	server := serve(t, dir)
	address := server.Addresses()[0]
	push(t, packed(t, image.Spec{Binary: program(t, "static")}), address+"/platform/program:local")
	tag, err := name.NewTag(address+"/platform/program:local", name.Insecure)
	require.NoError(t, err)
	require.NoError(t, remote.Delete(tag))
	require.NoError(t, server.Close())

	again := serve(t, dir, address)
	require.NotNil(t, again)
	_, err = remote.Head(tag)
	require.Error(t, err)
}

func TestARegistryWhoseFilesAreBrokenDoesNotStart(t *testing.T) {
	cases := map[string]string{
		"not what it wrote":          "{",
		"an index of a lost image":   `{"Path":"/v2/a/manifests/b","ContentType":"application/vnd.oci.image.index.v1+json","Body":"e30="}`,
		"something else than images": `{"Path":"/etc/passwd","ContentType":"","Body":""}`,
	}
	cases["an index of a lost image"] = strings.Replace(cases["an index of a lost image"], "e30=",
		// {"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:00…"}]}
		"eyJtYW5pZmVzdHMiOlt7Im1lZGlhVHlwZSI6ImFwcGxpY2F0aW9uL3ZuZC5vY2kuaW1hZ2UubWFuaWZlc3QudjEranNvbiIsImRpZ2VzdCI6InNoYTI1NjowMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwIn1dfQ==", 1)
	for what, content := range cases {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.MkdirAll(filepath.Join(dir, "manifests"), 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(dir, "manifests", "0.json"), []byte(content), 0o644))
			_, err := image.Serve(image.RegistryOptions{Dir: dir, Addresses: []string{"127.0.0.1:0"}})
			require.ErrorContains(t, err, "empty the registry's folder")
		})
	}
}

func TestARegistryRefusesAManifestWithoutBound(t *testing.T) {
	address := serve(t, t.TempDir()).Addresses()[0]
	endless := io.LimitReader(zeros{}, 5<<20)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+address+"/v2/a/manifests/b", endless)
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, http.StatusRequestEntityTooLarge, answer.StatusCode)
}

func TestARegistryThatCannotListenSaysSo(t *testing.T) {
	taken := serve(t, "").Addresses()[0]
	_, err := image.Serve(image.RegistryOptions{Addresses: []string{"127.0.0.1:0", taken}})
	require.ErrorContains(t, err, "address already in use")
	_, err = image.Serve(image.RegistryOptions{})
	require.ErrorContains(t, err, "no address")
}

func TestPushingSaysWhatIsWrong(t *testing.T) {
	made := packed(t, image.Spec{Binary: program(t, "static")})
	server := serve(t, "")
	require.NoError(t, server.Close())
	_, _, err := image.Push(t.Context(), made, server.Addresses()[0]+"/a:b")
	require.ErrorContains(t, err, "is the registry up?")
	_, _, err = image.Push(t.Context(), made, "Not A Reference")
	require.ErrorContains(t, err, "parse image reference")
}

// zeros is an endless stream.
type zeros struct{}

// Read fills p with zeros.
func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
