package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"kubernaut.ai/shared/event"
)

// Names of what functions' func.yaml refer to.
const (
	sealPrefix    = "seal-"
	keyPrivate    = "private"
	keyNext       = "next"
	ringName      = "kubernaut-seals"
	keyPublic     = "public"
	redisSecret   = "kubernaut-redis"
	historySecret = "kubernaut-history"
	callersSecret = "kubernaut-callers"
	llmSecret     = "kubernaut-llm"
	keyAPIKey     = "api-key"
	partOf        = "app.kubernetes.io/part-of"
	product       = "kubernaut"
)

// maxCurrent bounds what is read of a cluster's Secrets, in bytes.
const maxCurrent = 16 << 20

// errNothingRead keeps a broken pipe from making new keys for everything.
var errNothingRead = errors.New("read current: it is empty, not even a list without items; leave --current out to start anew")

// read takes over what the cluster has.
func (c command) read(stdin io.Reader) (*material, error) {
	m := newMaterial()
	in := stdin
	switch {
	case c.kubectl != "":
		var err error
		if in, err = c.ask(); err != nil {
			return nil, err
		}
	case c.current == "":
		return m, nil
	case c.current != "-":
		f, err := os.Open(c.current)
		if err != nil {
			return nil, fmt.Errorf("read current: %w", err)
		}
		defer f.Close()
		in = f
	}
	documents := utilyaml.NewYAMLReader(bufio.NewReader(io.LimitReader(in, maxCurrent)))
	for read := 0; ; {
		doc, err := documents.Read()
		if errors.Is(err, io.EOF) {
			if read == 0 {
				return nil, errNothingRead
			}
			return m, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read current: %w", err)
		}
		if len(bytes.TrimSpace(doc)) == 0 {
			continue
		}
		read++
		if err := m.take(doc); err != nil {
			return nil, fmt.Errorf("read current: %w", err)
		}
	}
}

// take reads one object, or a list of them. Errors never repeat content.
func (m *material) take(doc []byte) error {
	var head metav1.TypeMeta
	if err := yaml.Unmarshal(doc, &head); err != nil {
		return errors.New("a document is not YAML of an object")
	}
	switch head.Kind {
	case "List":
		var list struct {
			Items []runtime.RawExtension `json:"items"`
		}
		if err := yaml.Unmarshal(doc, &list); err != nil {
			return errors.New("a list cannot be read")
		}
		for _, item := range list.Items {
			if err := m.take(item.Raw); err != nil {
				return err
			}
		}
		return nil
	case "Secret":
		var s corev1.Secret
		if err := yaml.Unmarshal(doc, &s); err != nil {
			return errors.New("a Secret cannot be read")
		}
		m.takeSecret(s)
		return nil
	case "ConfigMap":
		var c corev1.ConfigMap
		if err := yaml.Unmarshal(doc, &c); err != nil {
			return errors.New("a ConfigMap cannot be read")
		}
		if c.Name == ringName {
			return m.takeRing(c.Data[keyPublic])
		}
		return nil
	}
	return fmt.Errorf("a document is a %q, want Secrets, ConfigMaps or a List of them", head.Kind)
}

func (m *material) takeSecret(s corev1.Secret) {
	content := make(map[string]string, len(s.Data)+len(s.StringData))
	for key, value := range s.Data {
		content[key] = string(value)
	}
	maps.Copy(content, s.StringData)
	stage, isSeal := strings.CutPrefix(s.Name, sealPrefix)
	switch {
	case isSeal:
		m.present[stage] = content[keyPrivate]
		if content[keyNext] != "" {
			m.next[stage] = content[keyNext]
		}
	case s.Name == redisSecret:
		m.redis = content
	case s.Name == historySecret:
		m.history = content
	case s.Name == callersSecret:
		m.callers = content
	case s.Name == llmSecret:
		m.llmKey = content[keyAPIKey]
	}
}

// takeRing keeps every key that is accepted now.
func (m *material) takeRing(text string) error {
	if _, err := event.ParseKeyring(text); err != nil {
		return fmt.Errorf("ConfigMap %s: %w", ringName, err)
	}
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) == 2 {
			m.ring[fields[0]] = append(m.ring[fields[0]], fields[1])
		}
	}
	return nil
}

// render writes the manifests, sorted, so that two runs over the same keys
// are the same text.
func (m *material) render(namespace string) ([]byte, error) {
	objects := []any{&corev1.ConfigMap{TypeMeta: typeOf("ConfigMap"), ObjectMeta: named(namespace, ringName),
		Data: map[string]string{keyPublic: m.ringText()}}}
	for _, stage := range slices.Sorted(maps.Keys(m.present)) {
		content := map[string]string{keyPrivate: m.present[stage]}
		if m.next[stage] != "" {
			content[keyNext] = m.next[stage]
		}
		objects = append(objects, secret(named(namespace, sealPrefix+stage), content))
	}
	objects = append(objects, secret(named(namespace, redisSecret), m.redis), secret(named(namespace, historySecret), m.history),
		secret(named(namespace, callersSecret), m.callers))
	if m.llmKey != "" {
		objects = append(objects, secret(named(namespace, llmSecret), map[string]string{keyAPIKey: m.llmKey}))
	}
	var out bytes.Buffer
	for _, o := range objects {
		text, err := yaml.Marshal(o)
		if err != nil {
			return nil, fmt.Errorf("write manifest: %w", err)
		}
		out.WriteString("---\n")
		out.Write(text)
	}
	return out.Bytes(), nil
}

func (m *material) ringText() string {
	var b strings.Builder
	for _, stage := range slices.Sorted(maps.Keys(m.ring)) {
		for _, key := range m.ring[stage] {
			b.WriteString(stage + " " + key + "\n")
		}
	}
	return b.String()
}

func typeOf(kind string) metav1.TypeMeta { return metav1.TypeMeta{APIVersion: "v1", Kind: kind} }

func named(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Namespace: namespace, Labels: map[string]string{partOf: product}}
}

func secret(meta metav1.ObjectMeta, content map[string]string) *corev1.Secret {
	data := make(map[string][]byte, len(content))
	for key, value := range content {
		data[key] = []byte(value)
	}
	return &corev1.Secret{TypeMeta: typeOf("Secret"), ObjectMeta: meta, Type: corev1.SecretTypeOpaque, Data: data}
}
