package bed

import (
	"context"
	"fmt"
	"path"
	"syscall"

	"golang.org/x/sync/errgroup"

	"kubernaut.ai/test/e2e/image"
	"kubernaut.ai/test/e2e/platform"
	"kubernaut.ai/test/e2e/toolchain"
)

const (
	// imageFolder and imageTag make the names of the platform's images.
	imageFolder = "platform"
	imageTag    = "bed"
	// pauseImage keeps a pod's namespaces; containerd is told of it, Kubernetes is not.
	pauseImage = imageFolder + "/pause:" + imageTag
	// packers is how many images are packed at once: reading and hashing a
	// binary keeps a core busy.
	packers = 2
)

// platformBinaries are the names, in toolchain, of what the platform's images hold.
func platformBinaries() (map[string]string, error) {
	names := map[string]string{}
	for _, importPath := range platform.Commands() {
		name, found := toolchain.Pinned().ByPackage(importPath)
		if !found {
			return nil, fmt.Errorf("find recipe: nothing builds %s", importPath)
		}
		names[importPath] = name
	}
	return names, nil
}

// registry starts the registry and fills it with what the bed runs. It is a
// process of its own because it must outlive whoever brings the bed up.
func (s *site) registry(ctx context.Context) error {
	program := Program{Name: "registry", Path: s.binaries["registry"], Stop: syscall.SIGKILL, Args: []string{
		"-dir", s.layout.data("registry"), "-listen", onBridge(portRegistry),
	}}
	if err := s.supervisor.run(ctx, program, healthy("http://"+onBridge(portRegistry)+"/v2/")); err != nil {
		return err
	}
	if _, err := s.publish(ctx, "pause", pauseImage); err != nil {
		return err
	}
	if s.options.WithoutKnative {
		return nil
	}
	return s.publishPlatform(ctx)
}

// publishPlatform packs and pushes the platform's images and remembers them by
// import path.
func (s *site) publishPlatform(ctx context.Context) error {
	names, err := platformBinaries()
	if err != nil {
		return err
	}
	group, grouped := errgroup.WithContext(ctx)
	group.SetLimit(packers)
	references := make(map[string]*string, len(names))
	for importPath, name := range names {
		reference := new(string)
		references[importPath] = reference
		group.Go(func() error {
			published, err := s.publish(grouped, name, path.Join(imageFolder, name)+":"+imageTag)
			*reference = published
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	s.images = map[string]string{}
	for importPath, reference := range references {
		s.images[importPath] = *reference
	}
	return nil
}

// publish packs a binary and pushes it; the reference it returns names the digest.
func (s *site) publish(ctx context.Context, binary, repository string) (string, error) {
	packed, err := image.Pack(image.Spec{Binary: s.binaries[binary]})
	if err != nil {
		return "", fmt.Errorf("pack image of %s: %w", binary, err)
	}
	reference, _, err := image.Push(ctx, packed, onBridge(portRegistry)+"/"+repository)
	if err != nil {
		return "", fmt.Errorf("push image of %s: %w", binary, err)
	}
	return reference, nil
}

// knative installs the platform from the modules' own folders.
func (s *site) knative(ctx context.Context) error {
	sources, err := platform.Sources(ctx)
	if err != nil {
		return err
	}
	return platform.Install(ctx, s.rest, platform.Options{
		Sources: sources, IngressIP: ingressIP, Log: s.options.Log,
		Image: func(importPath string) (string, bool) {
			reference, found := s.images[importPath]
			return reference, found
		},
	})
}
