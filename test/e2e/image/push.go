package image

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Push sends an image to "registry/repository:tag" over plain http, and nothing
// where that tag already is this image. It returns the reference by digest,
// which is what manifests should name, and whether anything was sent.
func Push(ctx context.Context, image v1.Image, target string) (reference string, sent bool, err error) {
	tag, err := name.NewTag(target, name.Insecure)
	if err != nil {
		return "", false, fmt.Errorf("parse image reference: %w", err)
	}
	digest, err := image.Digest()
	if err != nil {
		return "", false, fmt.Errorf("compute digest of %s: %w", target, err)
	}
	reference = tag.Context().Digest(digest.String()).String()
	there, err := remote.Head(tag, remote.WithContext(ctx))
	if err == nil && there.Digest == digest {
		return reference, false, nil
	}
	if err != nil && !isNotFound(err) {
		return "", false, fmt.Errorf("look up image %s: %w: is the registry up?", target, err)
	}
	if err := remote.Write(tag, image, remote.WithContext(ctx)); err != nil {
		return "", false, fmt.Errorf("push image %s: %w", target, err)
	}
	return reference, true, nil
}

// isNotFound says whether a registry answered that it has no such image.
func isNotFound(err error) bool {
	var answer *transport.Error
	return errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound
}
