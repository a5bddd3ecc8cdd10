package event_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/invopop/jsonschema"
	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/event/eventtest"
)

var update = flag.Bool("update", false, "write the golden samples and schemas anew")

// golden compares with a file under testdata, or writes it.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	path = filepath.Join("testdata", path)
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run the test with -update to write it")
	require.Equal(t, string(want), string(got), "run the test with -update if the change is meant")
}

func indent(t *testing.T, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	require.NoError(t, enc.Encode(v))
	return b.Bytes()
}

func TestEveryTypeHasAGoldenSample(t *testing.T) {
	for _, entry := range event.Catalogue() {
		t.Run(event.ShortType(entry.Type), func(t *testing.T) {
			sample := eventtest.Sample(entry.Type)
			golden(t, "samples/"+event.ShortType(entry.Type)+".json", indent(t, sample))
			require.NoError(t, sample.Validate())
			require.NoError(t, eventtest.Keyring().Verify(sample))
			dec := json.NewDecoder(bytes.NewReader(sample.Data()))
			dec.DisallowUnknownFields()
			require.NoError(t, dec.Decode(entry.Data()), "the sample has a field that the type does not know")
		})
	}
}

func TestASampleFileSurvivesTheWire(t *testing.T) {
	for _, entry := range event.Catalogue() {
		t.Run(event.ShortType(entry.Type), func(t *testing.T) {
			body, err := os.ReadFile(filepath.Join("testdata", "samples", event.ShortType(entry.Type)+".json"))
			require.NoError(t, err)
			var e cloudevents.Event
			require.NoError(t, json.Unmarshal(body, &e))
			// People may reformat a sample; the seal is over the compact data.
			var compact bytes.Buffer
			require.NoError(t, json.Compact(&compact, e.Data()))
			e.DataEncoded = compact.Bytes()
			require.NoError(t, eventtest.Keyring().Verify(e))
		})
	}
}

func TestSchemasFollowTheGoTypes(t *testing.T) {
	for _, entry := range event.Catalogue() {
		t.Run(event.ShortType(entry.Type), func(t *testing.T) {
			r := jsonschema.Reflector{AllowAdditionalProperties: true, ExpandedStruct: true, Anonymous: true}
			s := r.Reflect(entry.Data())
			s.ID = jsonschema.ID("https://kubernaut.ai/schemas/" + entry.Type + ".json")
			s.Title, s.Description = entry.Type, entry.Summary
			golden(t, "schema/"+event.ShortType(entry.Type)+".json", indent(t, s))
		})
	}
}
