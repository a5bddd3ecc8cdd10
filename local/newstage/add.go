package main

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"sigs.k8s.io/yaml"

	"kubernaut.ai/shared/event"
)

//go:embed templates/*
var templates embed.FS

// stageSpec is what a new stage is made of.
type stageSpec struct {
	Name, On, Created string
}

// view is what the templates read.
type view struct {
	stageSpec
	// Const and Data name the event type and its Go data in package event.
	Const, Data string
	Type        string
}

// Words are the parts of the event type's short name.
func (v view) Words() []string { return strings.Split(v.On, ".") }

// nameRule is a DNS label that is also a Go package path: what a folder, a
// Knative Service and a ServiceAccount all accept.
var nameRule = regexp.MustCompile(`^[a-z][a-z0-9]{1,30}$`)

// target is one file that a template makes.
type target struct{ template, path string }

func targets(v view) []target {
	dir := filepath.Join("functions", v.Name)
	return []target{
		{"function.go.tmpl", filepath.Join(dir, "function.go")},
		{"domain.go.tmpl", filepath.Join(dir, v.Name+".go")},
		{"test.go.tmpl", filepath.Join(dir, "function_test.go")},
		{"doc.go.tmpl", filepath.Join(dir, "doc.go")},
		{"go.mod.tmpl", filepath.Join(dir, "go.mod")},
		{"gitignore.tmpl", filepath.Join(dir, ".gitignore")},
		{"trigger.yaml.tmpl", filepath.Join("triggers", v.Name+"-"+strings.ReplaceAll(v.On, ".", "-")+".yaml")},
		{"account.yaml.tmpl", filepath.Join("deploy", "base", "stages", v.Name+".yaml")},
	}
}

// lists are the kustomizations that name every stage's manifests, by folder.
var lists = map[string]string{
	"triggers": "Kustomization",
	filepath.Join("deploy", "base", "stages"): "kustomization.yaml",
}

// list enters a manifest in its folder's kustomization. The entries are its
// last lines, and their order says nothing.
func list(root, manifest string) error {
	name, ok := lists[filepath.Dir(manifest)]
	if !ok {
		return nil
	}
	path := filepath.Join(root, filepath.Dir(manifest), name)
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read list of manifests: %w", err)
	}
	if !bytes.Contains(text, []byte("\nresources:\n")) || !bytes.HasSuffix(text, []byte("\n")) {
		return fmt.Errorf("read list of manifests: %s does not end with its resources", path)
	}
	return os.WriteFile(path, append(text, "  - "+filepath.Base(manifest)+"\n"...), 0o644)
}

// add writes a stage and returns the files written, or changes nothing.
func add(root string, s stageSpec) ([]string, error) {
	v, err := resolve(root, s)
	if err != nil {
		return nil, err
	}
	contents := map[string][]byte{}
	for _, t := range targets(v) {
		if contents[t.path], err = render(t, v); err != nil {
			return nil, err
		}
	}
	if contents[filepath.Join("functions", v.Name, "func.yaml")], err = stamp(root, v); err != nil {
		return nil, err
	}
	written, err := write(root, contents)
	if err != nil {
		return nil, err
	}
	for _, path := range written {
		if err := list(root, path); err != nil {
			return nil, err
		}
	}
	return written, join(root, v)
}

func resolve(root string, s stageSpec) (view, error) {
	if !nameRule.MatchString(s.Name) {
		return view{}, fmt.Errorf("name %q: want 2 to 31 lower-case letters and digits, a letter first", s.Name)
	}
	if _, err := os.Stat(filepath.Join(root, "functions", s.Name)); !errors.Is(err, os.ErrNotExist) {
		return view{}, fmt.Errorf("name %q: functions/%s is there already", s.Name, s.Name)
	}
	var known []string
	for _, e := range event.Catalogue() {
		if event.ShortType(e.Type) == s.On || e.Type == s.On {
			s.On = event.ShortType(e.Type)
			return view{stageSpec: s, Type: e.Type, Const: constant(s.On), Data: reflect.TypeOf(e.Data()).Elem().Name()}, nil
		}
		known = append(known, event.ShortType(e.Type))
	}
	slices.Sort(known)
	return view{}, fmt.Errorf("type %q is not in the catalogue; there are %s", s.On, strings.Join(known, ", "))
}

// constant is the Go name of a type: remediation.closed is RemediationClosed.
func constant(short string) string {
	var b strings.Builder
	for _, word := range strings.Split(short, ".") {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

func render(t target, v view) ([]byte, error) {
	tmpl, err := template.ParseFS(templates, "templates/"+t.template)
	if err != nil {
		return nil, fmt.Errorf("read template: %w", err)
	}
	var b bytes.Buffer
	if err := tmpl.Execute(&b, v); err != nil {
		return nil, fmt.Errorf("fill template: %w", err)
	}
	if filepath.Ext(t.path) == ".go" {
		return format.Source(b.Bytes())
	}
	return b.Bytes(), nil
}

// stamp makes the stage's func.yaml of the fleet's defaults.
func stamp(root string, v view) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(root, "func.yaml"))
	if err != nil {
		return nil, fmt.Errorf("read fleet defaults: %w", err)
	}
	var f map[string]any
	if err := yaml.UnmarshalStrict(text, &f); err != nil {
		return nil, fmt.Errorf("read fleet defaults: %w", err)
	}
	f["name"], f["created"] = v.Name, v.Created
	run, deploy := f["run"].(map[string]any), f["deploy"].(map[string]any)
	run["envs"] = append(run["envs"].([]any), map[string]any{"name": "SEAL_PRIVATE_KEY", "value": "{{ secret:seal-" + v.Name + ":private }}"})
	deploy["serviceAccountName"] = v.Name
	return yaml.Marshal(f)
}

func write(root string, contents map[string][]byte) ([]string, error) {
	var written []string
	for path, content := range contents {
		full := filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			return nil, fmt.Errorf("make folder: %w", err)
		}
		if err := os.WriteFile(full, content, 0o644); err != nil {
			return nil, fmt.Errorf("write stage: %w", err)
		}
		written = append(written, path)
	}
	slices.Sort(written)
	return written, nil
}

// join takes the stage into the workspace and the local system.
func join(root string, v view) error {
	module, dir := "kubernaut.ai/functions/"+v.Name, "functions/"+v.Name
	if err := use(root, dir); err != nil {
		return err
	}
	for _, user := range []string{"local", "test"} {
		if err := run1(filepath.Join(root, user), nil, "go", "mod", "edit", "-require="+module+"@v0.0.0", "-replace="+module+"=../"+dir); err != nil {
			return err
		}
	}
	if err := run1(filepath.Join(root, dir), []string{"GOWORK=off"}, "go", "mod", "tidy"); err != nil {
		return err
	}
	return fleet(root, v)
}

// use takes a folder into the workspace, behind the other stages. The go
// command would sort them all anew, and their order is that of the pipeline.
func use(root, dir string) error {
	path := filepath.Join(root, "go.work")
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read workspace: %w", err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	last := -1
	for i, line := range lines {
		if strings.HasPrefix(line, "\t./functions/") {
			last = i
		}
	}
	if last < 0 {
		return fmt.Errorf("read workspace: %s names no stage to enter the new one behind", path)
	}
	lines = slices.Insert(lines, last+1, "\t./"+dir+"\n")
	return os.WriteFile(path, []byte(strings.Join(lines, "")), 0o644)
}

func run1(dir string, env []string, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// fleet adds the stage to the list of the local system, in order.
func fleet(root string, v view) error {
	path := filepath.Join(root, "local", "system", "stages.go")
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read fleet: %w", err)
	}
	const imports, members = "import (\n", "var fleet = map[string]fleetMember{\n"
	s := string(text)
	if !strings.Contains(s, imports) || !strings.Contains(s, members) {
		return fmt.Errorf("read fleet: %s has no list to add to", path)
	}
	s = strings.Replace(s, imports, imports+fmt.Sprintf("\t%s \"kubernaut.ai/functions/%s\"\n", v.Name, v.Name), 1)
	s = strings.Replace(s, members, members+fmt.Sprintf("\t%q: behindFuncGo(%s.New),\n", v.Name, v.Name), 1)
	out, err := format.Source([]byte(s))
	if err != nil {
		return fmt.Errorf("write fleet: %w", err)
	}
	return os.WriteFile(path, out, 0o644)
}
