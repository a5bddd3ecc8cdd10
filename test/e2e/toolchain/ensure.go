package toolchain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// CacheVariable names the environment variable that says where binaries are kept.
const CacheVariable = "KUBERNAUT_E2E_CACHE"

// AssetsVariable names the environment variable of a folder with ready-made
// binaries, as other Kubernetes tests use it too. What it holds is not built.
const AssetsVariable = "KUBEBUILDER_ASSETS"

// ErrChanged is returned where a recipe was edited while it was being built.
var ErrChanged = errors.New("recipe has changed meanwhile: build it again")

// ErrUnknown is returned for a name that no recipe builds.
var ErrUnknown = errors.New("no recipe builds this")

// Options says where binaries are kept and where progress is told. The zero
// value builds the pinned catalogue into the default cache, silently.
type Options struct {
	// Cache is the folder of built binaries; "" is DefaultCache.
	Cache string
	// Catalogue is what can be built; the zero value is Pinned.
	Catalogue Catalogue
	// Log receives progress, a line at a time; nil discards it.
	Log io.Writer
}

// Paths maps a command's name to the absolute path of its binary.
type Paths map[string]string

// DefaultCache returns the folder that CacheVariable names, else one in the
// user's cache folder: outside the tree, kept from run to run.
func DefaultCache() (string, error) {
	if dir := os.Getenv(CacheVariable); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find cache folder: %w: set %s to a folder", err, CacheVariable)
	}
	return filepath.Join(dir, "kubernaut-e2e"), nil
}

// Ensure returns the paths of the named commands, or of all without names. It
// builds those that the cache does not have, one recipe after the other; the
// first build of all takes long (see the package's documentation). Two processes
// may call it at once: one builds, the other waits. It returns ErrUnknown for a
// name that the catalogue does not have, and what go said for a failed build.
func Ensure(ctx context.Context, options Options, names ...string) (Paths, error) {
	options, err := options.complete()
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		names = options.Catalogue.Names()
	}
	paths, rest, err := options.assets(names)
	if err != nil || len(rest) == 0 {
		return paths, err
	}
	goVersion, err := goVersion(ctx)
	if err != nil {
		return nil, err
	}
	jobs, err := options.plan(rest, goVersion)
	if err != nil {
		return nil, err
	}
	if err := options.build(ctx, jobs); err != nil {
		return nil, err
	}
	for _, job := range jobs {
		maps.Copy(paths, job.paths())
	}
	return paths, nil
}

// complete returns the options with their defaults filled in.
func (o Options) complete() (Options, error) {
	if o.Log == nil {
		o.Log = io.Discard
	}
	if o.Catalogue.Recipes == nil {
		o.Catalogue = Pinned()
	}
	if o.Cache == "" {
		cache, err := DefaultCache()
		if err != nil {
			return o, err
		}
		o.Cache = cache
	}
	cache, err := filepath.Abs(o.Cache)
	if err != nil {
		return o, fmt.Errorf("find cache folder: %w", err)
	}
	o.Cache = cache
	return o, nil
}

// assets splits names in those that AssetsVariable's folder supplies and the rest.
func (o Options) assets(names []string) (Paths, []string, error) {
	paths, rest := Paths{}, []string{}
	folder := os.Getenv(AssetsVariable)
	for _, name := range names {
		if _, _, ok := o.Catalogue.find(name); !ok {
			return nil, nil, fmt.Errorf("find recipe for %q: %w: one of %s", name, ErrUnknown, strings.Join(o.Catalogue.Names(), ", "))
		}
		if folder != "" {
			file, err := filepath.Abs(filepath.Join(folder, filepath.FromSlash(name)))
			if err == nil && isExecutable(file) {
				paths[name] = file
				continue
			}
		}
		rest = append(rest, name)
	}
	return paths, rest, nil
}

// plan returns one job for each recipe that the names need, in the catalogue's
// order.
func (o Options) plan(names []string, goVersion string) ([]job, error) {
	var jobs []job
	for _, recipe := range o.Catalogue.Recipes {
		wanted := recipe
		wanted.Commands = slices.DeleteFunc(slices.Clone(recipe.Commands), func(c Command) bool {
			return !slices.Contains(names, c.Name)
		})
		if len(wanted.Commands) == 0 {
			continue
		}
		source := o.Catalogue.dir(recipe)
		key, err := recipe.key(source, goVersion)
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, job{
			recipe: wanted,
			source: source,
			changed: func() (bool, error) {
				now, err := recipe.key(source, goVersion)
				return now != key, err
			},
			target: filepath.Join(o.Cache, "bin", recipe.Name+"-"+key),
			stage:  filepath.Join(o.Cache, "src", recipe.Name+"-"+key),
			lock:   filepath.Join(o.Cache, "lock", recipe.Name),
			log:    o.Log,
		})
	}
	return jobs, nil
}

// build runs the jobs that have something to do, one after the other, because a
// build uses every core. The modules of the next ones are downloaded meanwhile.
func (o Options) build(ctx context.Context, jobs []job) error {
	open := slices.DeleteFunc(slices.Clone(jobs), func(j job) bool { return len(j.missing()) == 0 })
	if len(open) == 0 {
		return nil
	}
	start := time.Now()
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	defer func() { cancel(); <-ended }()
	go func() { defer close(ended); prefetch(ctx, open[1:]) }()
	for i, job := range open {
		fmt.Fprintf(o.Log, "toolchain: %s (%d of %d)\n", job.recipe.Name, i+1, len(open))
		if err := job.run(ctx); err != nil {
			return err
		}
	}
	fmt.Fprintf(o.Log, "toolchain: all built in %s\n", since(start))
	return nil
}

// isExecutable says whether file is a regular file that may be run.
func isExecutable(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}

// since returns the time passed since start, in tenths of a second.
func since(start time.Time) time.Duration {
	return time.Since(start).Round(100 * time.Millisecond)
}
