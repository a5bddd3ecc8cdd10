package replay

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"kubernaut.ai/shared/event"
)

// The files of a sample.
const (
	storyFile    = "story.yaml"
	objectsFile  = "objects.yaml"
	rolloutFile  = "rollout.yaml"
	firingFile   = "firing.json"
	resolvedFile = "resolved.json"
)

// maxPosts bounds how often a story posts its alert.
const maxPosts = 1000

// Story is one sample.
type Story struct {
	// Name is the sample's folder, Title one line for people.
	Name  string `json:"-"`
	Title string `json:"title"`
	// Expect is the outcome that the remediation should have, or the reason
	// for which there should be none.
	Expect string `json:"expect"`
	// Answer is how a person answers when asked: approve or refuse.
	Answer string `json:"answer,omitempty"`
	// Posts is how often the alert is posted at once; 1 by default.
	Posts int `json:"posts,omitempty"`
	// Ready is what must be healthy before the rollout.
	Ready []event.Target `json:"ready,omitempty"`
	// Broken is what must be unhealthy before the alert is posted, and healthy
	// before it is resolved.
	Broken *event.Target `json:"broken,omitempty"`
	// Pod is the pod name in the bodies, to be replaced by that of an
	// unhealthy pod of Broken.
	Pod string `json:"pod,omitempty"`

	// Alerts are what a real Alertmanager was given when the bodies were
	// captured from it.
	Alerts []Alert `json:"alerts"`

	Objects, Rollout string `json:"-"`
	Firing, Resolved []byte `json:"-"`
}

// Alert is what Prometheus sends to Alertmanager, but for its times.
type Alert struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	GeneratorURL string            `json:"generatorURL,omitempty"`
}

// Load reads every sample of a folder, in order of their names.
func Load(dir string) ([]Story, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read samples: %w", err)
	}
	var stories []Story
	var errs []error
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		s, err := loadOne(filepath.Join(dir, e.Name()))
		errs = append(errs, err)
		stories = append(stories, s)
	}
	if len(stories) == 0 {
		errs = append(errs, fmt.Errorf("read samples: %s holds none", dir))
	}
	slices.SortFunc(stories, func(a, b Story) int { return strings.Compare(a.Name, b.Name) })
	return stories, errors.Join(errs...)
}

func loadOne(dir string) (Story, error) {
	s := Story{Name: filepath.Base(dir), Objects: present(dir, objectsFile), Rollout: present(dir, rolloutFile)}
	err := readStory(dir, &s)
	if err != nil {
		return s, err
	}
	if s.Firing, err = os.ReadFile(filepath.Join(dir, firingFile)); err != nil {
		return s, fmt.Errorf("read sample: %w", err)
	}
	if path := present(dir, resolvedFile); path != "" {
		if s.Resolved, err = os.ReadFile(path); err != nil {
			return s, fmt.Errorf("read sample: %w", err)
		}
	}
	if s.Posts == 0 {
		s.Posts = 1
	}
	return s, s.validate()
}

// Alerts are those of one sample's folder, whether its bodies have been
// captured yet or not.
func Alerts(dir string) ([]Alert, error) {
	var s Story
	err := readStory(dir, &s)
	return s.Alerts, err
}

func readStory(dir string, s *Story) error {
	text, err := os.ReadFile(filepath.Join(dir, storyFile))
	if err != nil {
		return fmt.Errorf("read sample: %w", err)
	}
	if err := yaml.UnmarshalStrict(text, s); err != nil {
		return fmt.Errorf("read %s: %w", filepath.Join(dir, storyFile), err)
	}
	return nil
}

func (s Story) validate() error {
	switch {
	case s.Title == "" || s.Expect == "":
		return fmt.Errorf("sample %s: title and expect are required", s.Name)
	case s.Posts < 0 || s.Posts > maxPosts:
		return fmt.Errorf("sample %s: posts must be at most %d", s.Name, maxPosts)
	case s.Answer != "" && s.Answer != "approve" && s.Answer != "refuse":
		return fmt.Errorf("sample %s: answer must be approve or refuse", s.Name)
	case s.Pod != "" && s.Broken == nil:
		return fmt.Errorf("sample %s: pod needs broken, whose pod it is", s.Name)
	}
	return nil
}

func present(dir, name string) string {
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}
