package broker

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"k8s.io/apimachinery/pkg/types"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	eventingv1 "knative.dev/eventing/pkg/apis/eventing/v1"
	eventingv1beta3 "knative.dev/eventing/pkg/apis/eventing/v1beta3"
	sourcesv1 "knative.dev/eventing/pkg/apis/sources/v1"
	"knative.dev/pkg/apis"
	"sigs.k8s.io/yaml"
)

// Manifests are the declarations of a set of files, defaulted and validated by Knative's own code, in the
// order of their files' names.
type Manifests struct {
	Brokers     []*eventingv1.Broker
	Triggers    []*eventingv1.Trigger
	PingSources []*sourcesv1.PingSource
	EventTypes  []*eventingv1beta3.EventType
}

// object is what every accepted kind can do.
type object interface {
	apis.Defaultable
	apis.Validatable
	GetName() string
	GetNamespace() string
}

// LoadManifests reads files, and the YAML files of directories. Fields that Knative does not know, other
// kinds, and objects declared twice with one class are errors that name the file. ctx carries Knative's
// feature flags.
func LoadManifests(ctx context.Context, paths []string) (*Manifests, error) {
	files, err := manifestFiles(paths)
	if err != nil {
		return nil, err
	}
	loader := manifestLoader{seen: map[string]string{}}
	var errs []error
	for _, file := range files {
		if err := loader.load(ctx, file); err != nil {
			errs = append(errs, fmt.Errorf("load manifest %s: %w", file, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return &loader.out, nil
}

// manifestFiles expands directories.
func manifestFiles(paths []string) ([]string, error) {
	var files []string
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("find manifests: %w", err)
		}
		if !info.IsDir() {
			files = append(files, path)
			continue
		}
		found := files
		for _, pattern := range []string{"*.yaml", "*.yml"} {
			match, err := filepath.Glob(filepath.Join(path, pattern))
			if err != nil {
				return nil, fmt.Errorf("list manifests in %s: %w", path, err)
			}
			found = append(found, match...)
		}
		slices.Sort(found[len(files):])
		files = found
	}
	return files, nil
}

type manifestLoader struct {
	out  Manifests
	seen map[string]string // identity -> file
}

// load adds the objects of one file, which may hold several YAML documents.
func (l *manifestLoader) load(ctx context.Context, file string) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read file: %w", err)
	}
	docs := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(raw)))
	for i := 1; ; i++ {
		doc, err := docs.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("split documents: %w", err)
		}
		if empty, err := isEmptyDoc(doc); err != nil || empty {
			if err != nil {
				return fmt.Errorf("document %d: %w", i, err)
			}
			continue
		}
		if err := l.add(ctx, file, doc); err != nil {
			return fmt.Errorf("document %d: %w", i, err)
		}
	}
}

// isEmptyDoc tells comments and separators from objects.
func isEmptyDoc(doc []byte) (bool, error) {
	var v any
	if err := yaml.Unmarshal(bytes.TrimSpace(doc), &v); err != nil {
		return false, fmt.Errorf("parse yaml: %w", err)
	}
	return v == nil, nil
}

// add decodes one object and keeps it.
func (l *manifestLoader) add(ctx context.Context, file string, doc []byte) error {
	var head struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
	}
	if err := yaml.Unmarshal(doc, &head); err != nil {
		return fmt.Errorf("read kind: %w", err)
	}
	kind := head.APIVersion + " " + head.Kind
	switch kind {
	case "eventing.knative.dev/v1 Broker":
		return decodeInto(ctx, l, entry[*eventingv1.Broker]{file, kind, doc, &eventingv1.Broker{}, &l.out.Brokers})
	case "eventing.knative.dev/v1 Trigger":
		return decodeInto(ctx, l, entry[*eventingv1.Trigger]{file, kind, doc, &eventingv1.Trigger{}, &l.out.Triggers})
	case "sources.knative.dev/v1 PingSource":
		return decodeInto(ctx, l, entry[*sourcesv1.PingSource]{file, kind, doc, &sourcesv1.PingSource{}, &l.out.PingSources})
	case "eventing.knative.dev/v1beta3 EventType":
		return decodeInto(ctx, l, entry[*eventingv1beta3.EventType]{file, kind, doc, &eventingv1beta3.EventType{}, &l.out.EventTypes})
	default:
		return fmt.Errorf("unknown kind %q: a local Broker plays Broker, Trigger, PingSource and EventType", kind)
	}
}

// entry is one document on its way into a list.
type entry[T object] struct {
	file, kind string
	doc        []byte
	into       T
	list       *[]T
}

func decodeInto[T object](ctx context.Context, l *manifestLoader, e entry[T]) error {
	if err := yaml.UnmarshalStrict(e.doc, e.into); err != nil {
		return fmt.Errorf("decode %s: %w", e.kind, err)
	}
	if e.into.GetName() == "" || e.into.GetNamespace() == "" {
		return fmt.Errorf("decode %s: metadata.name and metadata.namespace are required", e.kind)
	}
	e.into.SetDefaults(ctx)
	if err := e.into.Validate(ctx); err != nil {
		return fmt.Errorf("validate %s %s: %w", e.kind, e.into.GetName(), err)
	}
	identity := e.kind + " " + key(e.into).String() + " " + brokerClass(e.into)
	if first, dup := l.seen[identity]; dup {
		return fmt.Errorf("%s is already declared in %s", identity, first)
	}
	l.seen[identity] = e.file
	*e.list = append(*e.list, e.into)
	return nil
}

// brokerClass is part of a Broker's identity here: its variants for several classes share a folder.
func brokerClass(o object) string {
	if b, ok := o.(*eventingv1.Broker); ok {
		return b.Annotations[eventingv1.BrokerClassAnnotationKey]
	}
	return ""
}

func key(o interface {
	GetName() string
	GetNamespace() string
}) types.NamespacedName {
	return types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}
}
