package platform

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"kubernaut.ai/test/e2e/platform/manifest"
	"kubernaut.ai/test/e2e/toolchain"
)

// The modules whose folders hold the manifests. Module archives lack symbolic
// links, by which Serving's config/ refers to networking's and caching's custom
// resources: they come from their own modules.
const (
	Serving    = "knative.dev/serving"
	Eventing   = "knative.dev/eventing"
	Networking = "knative.dev/networking"
	Caching    = "knative.dev/caching"
)

// builtWith says for each module which command is built with it: manifests and
// binaries are then of one version.
var builtWith = map[string]string{
	Serving: "serving/controller", Networking: "serving/controller", Caching: "serving/controller",
	Eventing: "eventing/controller",
}

// Sources finds the folders of the modules, for Options.Sources, downloading what
// is not there yet.
func Sources(ctx context.Context) (map[string]string, error) {
	folders := make(map[string]string, len(builtWith))
	for module, command := range builtWith {
		dir, err := toolchain.Pinned().Source(ctx, command, module)
		if err != nil {
			return nil, fmt.Errorf("find manifests: %w", err)
		}
		folders[module] = dir
	}
	return folders, nil
}

// folder is a part of a module, and what of it is left out.
type folder struct {
	module, path string
	leaveOut     []string
}

// folders in the order of their modules' own release files.
var folders = []folder{
	{module: Networking, path: "config"},
	{module: Caching, path: "config"},
	{module: Serving, path: "config/core", leaveOut: []string{"activator-hpa.yaml", "webhook-hpa.yaml"}},
	{module: Eventing, path: "config/core", leaveOut: []string{"webhook-hpa.yaml", "job-sink.yaml", "request-reply.yaml"}},
	// Linked into config/core in the repository, and so missing there.
	{module: Eventing, path: "third_party/eventing-integrations-latest"},
	{module: Eventing, path: "config/channels/in-memory-channel"},
	{module: Eventing, path: "config/brokers/mt-channel-broker", leaveOut: []string{"hpa.yaml"}},
}

// built are the commands whose images the manifests refer to.
var built = []string{
	"knative.dev/serving/cmd/activator",
	"knative.dev/serving/cmd/autoscaler",
	"knative.dev/serving/cmd/controller",
	"knative.dev/serving/cmd/queue",
	"knative.dev/serving/cmd/webhook",
	"knative.dev/eventing/cmd/apiserver_receive_adapter",
	"knative.dev/eventing/cmd/controller",
	"knative.dev/eventing/cmd/webhook",
	"knative.dev/eventing/cmd/mtchannel_broker",
	"knative.dev/eventing/cmd/broker/ingress",
	"knative.dev/eventing/cmd/broker/filter",
	"knative.dev/eventing/cmd/in_memory/channel_controller",
	"knative.dev/eventing/cmd/in_memory/channel_dispatcher",
	"knative.dev/eventing/cmd/mtping",
	traefikCommand,
}

const traefikCommand = "github.com/traefik/traefik/v3/cmd/traefik"

// Commands are the import paths that Options.Image must know.
func Commands() []string { return slices.Clone(built) }

// unbuilt are named in environment variables of Eventing's controller, which
// starts them only for sources behind authentication. Nobody uses those here; who
// does sees this name fail to be pulled.
var unbuilt = []string{"knative.dev/eventing/cmd/auth_proxy"}

const notBuilt = "not-built.invalid/"

// load reads all manifests of the modules, with images as options give them.
func load(options Options) ([]*unstructured.Unstructured, error) {
	objects, err := manifest.Parse(traefikManifest)
	if err != nil {
		return nil, fmt.Errorf("read traefik: %w", err)
	}
	for _, part := range folders {
		dir, found := options.Sources[part.module]
		if !found {
			return nil, fmt.Errorf("read manifests: options have no source folder of %s", part.module)
		}
		loaded, err := manifest.Load(filepath.Join(dir, part.path), func(file string) bool {
			return !slices.Contains(part.leaveOut, filepath.Base(file))
		})
		if err != nil {
			return nil, err
		}
		if len(loaded) == 0 {
			return nil, errors.New("read manifests: nothing in " + filepath.Join(dir, part.path))
		}
		objects = append(objects, loaded...)
	}
	return objects, manifest.Images(objects, func(importPath string) (string, bool) {
		if slices.Contains(unbuilt, importPath) {
			return notBuilt + strings.ReplaceAll(importPath, "/", "-"), true
		}
		return options.Image(importPath)
	})
}
