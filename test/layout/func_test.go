package layout

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// differs lists where a stage's func.yaml may leave the fleet's defaults, by
// JSON path.
var differs = map[string][]string{
	"gateway":    {"deploy.options.scale.target"},
	"approve":    {"deploy.options.scale.max"},
	"assess":     {"deploy.options.scale.max"},
	"deadletter": {"deploy.options.scale.max"},
}

func load(t *testing.T, path string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var v map[string]any
	require.NoError(t, yaml.UnmarshalStrict(text, &v))
	return v
}

// flatten makes one entry of each leaf; a list of named things is keyed by
// their names.
func flatten(prefix string, v any, into map[string]string) {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			flatten(strings.TrimPrefix(prefix+"."+k, "."), x, into)
		}
	case []any:
		for i, x := range v {
			key := fmt.Sprint(i)
			if m, ok := x.(map[string]any); ok && m["name"] != nil {
				key = fmt.Sprint(m["name"])
			}
			flatten(prefix+"."+key, x, into)
		}
	default:
		b, _ := json.Marshal(v)
		into[prefix] = string(b)
	}
}

func TestTheRootIsNoFunction(t *testing.T) {
	f := load(t, filepath.Join(root, "func.yaml"))
	require.NotContains(t, f, "name")
	require.NotContains(t, f, "created")
}

func TestEveryStageAgreesWithTheFleet(t *testing.T) {
	fleet := map[string]string{}
	flatten("", load(t, filepath.Join(root, "func.yaml")), fleet)
	dirs, err := filepath.Glob(filepath.Join(root, "functions", "*"))
	require.NoError(t, err)
	require.NotEmpty(t, dirs)
	for _, dir := range dirs {
		stage := filepath.Base(dir)
		t.Run(stage, func(t *testing.T) {
			f := load(t, filepath.Join(dir, "func.yaml"))
			require.Equal(t, stage, f["name"], "the function is called as its folder")
			require.Equal(t, stage, f["deploy"].(map[string]any)["serviceAccountName"], "one ServiceAccount a stage")
			own := map[string]string{}
			flatten("", f, own)
			require.Equal(t, `"{{ secret:seal-`+stage+`:private }}"`, own["run.envs.SEAL_PRIVATE_KEY.value"], "one sealing key a stage")
			for path, want := range fleet {
				if got := own[path]; got != want {
					require.Contains(t, differs[stage], path, "%s is %s here and %s in the fleet's defaults", path, got, want)
				}
			}
			module, err := os.ReadFile(filepath.Join(dir, "go.mod"))
			require.NoError(t, err)
			require.Contains(t, string(module), "module kubernaut.ai/functions/"+stage+"\n")
			require.Contains(t, string(module), "replace kubernaut.ai/shared => ../../shared")
		})
	}
}
