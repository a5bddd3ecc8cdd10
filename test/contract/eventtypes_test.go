package contract

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/template"

	"github.com/stretchr/testify/require"
	"knative.dev/eventing/pkg/apis/eventing/v1beta3"
	"sigs.k8s.io/yaml"

	"kubernaut.ai/shared/event"
)

var update = flag.Bool("update", false, "write brokers/event-types.yaml anew from the catalogue")

var eventTypes = template.Must(template.New("").Funcs(template.FuncMap{
	"name": func(t string) string { return strings.ReplaceAll(event.ShortType(t), ".", "-") },
	"from": func(producers []string) string { return strings.Join(producers, " or ") },
}).Parse(`# What Kubernaut publishes, for Knative's event registry ("kn source list-types", Backstage).
# Written from the catalogue by "go test ./test/contract -update". The attributes are as Knative stores them, in its
# order and without the values that it drops or encodes: else whoever applied this file would see it differ for ever.
{{- range .}}
---
apiVersion: eventing.knative.dev/v1beta3
kind: EventType
metadata:
  name: {{name .Type}}
  namespace: kubernaut-system
  labels:
    app.kubernetes.io/part-of: kubernaut
spec:
  reference:
    apiVersion: eventing.knative.dev/v1
    kind: Broker
    name: kubernaut
  description: "{{.Summary}} Sealed by {{from .Producers}}."
  attributes:
    - name: specversion
      required: true
    - name: id
      required: true
    - name: type
      required: true
      value: {{.Type}}
    - name: source
      required: true
{{- end}}
`))

func TestTheEventRegistryFollowsTheCatalogue(t *testing.T) {
	path := filepath.Join(root, "brokers", "event-types.yaml")
	var want bytes.Buffer
	require.NoError(t, eventTypes.Execute(&want, event.Catalogue()))
	if *update {
		require.NoError(t, os.WriteFile(path, want.Bytes(), 0o644))
	}
	got, err := os.ReadFile(path)
	require.NoError(t, err, "run the test with -update to write it")
	require.Equal(t, want.String(), string(got), "run the test with -update")
	docs := strings.Split(string(got), "\n---\n")[1:]
	require.Len(t, docs, len(event.Catalogue()))
	for _, doc := range docs {
		var et v1beta3.EventType
		require.NoError(t, yaml.UnmarshalStrict([]byte(doc), &et))
		require.Nil(t, et.Validate(t.Context()))
	}
}
