package toolchain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
)

// errNoVersion is returned for a module named without its version.
var errNoVersion = errors.New(`module version is missing: say "module@version"`)

// downloaded is what "go mod download -json" says of a module.
type downloaded struct {
	Dir   string
	Sum   string
	Error string
}

// Source returns the folder with the source of "module@version", downloading it
// if need be. The folder is Go's module cache: read it, do not write to it.
func Source(ctx context.Context, moduleVersion string) (string, error) {
	if _, version, ok := strings.Cut(moduleVersion, "@"); !ok || version == "" {
		return "", fmt.Errorf("get source of %q: %w", moduleVersion, errNoVersion)
	}
	module, err := download(ctx, os.TempDir(), moduleVersion)
	if err != nil {
		return "", fmt.Errorf("get source of %s: %w", moduleVersion, err)
	}
	return module.Dir, nil
}

// Source returns the folder with the source of a module at the version that the
// named command is built with: the manifests that belong to the binary.
func (c Catalogue) Source(ctx context.Context, name, modulePath string) (string, error) {
	recipe, _, ok := c.find(name)
	if !ok {
		return "", fmt.Errorf("get source of %s for %q: %w", modulePath, name, ErrUnknown)
	}
	module, err := download(ctx, c.dir(recipe), modulePath)
	if err != nil {
		return "", fmt.Errorf("get source of %s for %s: %w", modulePath, name, err)
	}
	return module.Dir, nil
}

// download asks go for a module's source, in a folder that says which version
// where the query does not.
func download(ctx context.Context, dir, query string) (downloaded, error) {
	var module downloaded
	out, err := command(ctx, dir, "mod", "download", "-json", query).Output()
	if len(out) > 0 {
		if err := json.Unmarshal(out, &module); err != nil {
			return module, fmt.Errorf("read answer of go mod download: %w", err)
		}
	}
	if module.Error != "" {
		return module, fmt.Errorf("%s: %s", module.Error, advice(module.Error))
	}
	if err != nil {
		return module, fmt.Errorf("%w: %s: %s", missingGo(err), advice(errorsOf(err)), errorsOf(err))
	}
	return module, nil
}

// prefetch downloads the modules that the jobs need, while others are built.
// What it cannot get is left to the build, which says why.
func prefetch(ctx context.Context, jobs []job) {
	for _, job := range jobs {
		if ctx.Err() != nil {
			return
		}
		job.stage += "-prefetch"
		if dir, err := job.prepare(ctx); err == nil {
			args := []string{"list", "-deps"}
			for _, command := range job.recipe.Commands {
				args = append(args, command.Package)
			}
			_ = command(ctx, dir, args...).Run()
		}
		os.RemoveAll(job.stage)
	}
}
