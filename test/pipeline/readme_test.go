package pipeline_test

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/local/system"
)

// askingInTheReadme is the command by which README.md asks what would become of
// an alert: its path and its body.
var askingInTheReadme = regexp.MustCompile(`(?s)\ncurl -H 'Content-Type: application/json' -H 'Accept: text/plain' http://127\.0\.0\.1:8080(/api/v1/explain) -d '(.*?)'\n`)

// TestTheReadmesQuestionIsAboutAWorkloadWithWhichSomethingFollows asks it of the
// cluster that the samples make, and holds what README.md shows of the answer
// against it.
func TestTheReadmesQuestionIsAboutAWorkloadWithWhichSomethingFollows(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	asking := askingInTheReadme.FindStringSubmatch(string(text))
	require.NotNil(t, asking, "README.md asks nothing")
	_, rest, _ := strings.Cut(string(text), asking[0])
	_, shown, ok := strings.Cut(rest, "```\n\n```\n")
	shown, _, _ = strings.Cut(shown, "```")
	require.True(t, ok, "README.md shows no answer")

	b := start(t, system.Options{PingEvery: time.Hour})
	require.NoError(t, b.Cluster().LoadPath(samplesDir+"/1-bad-rollout/objects.yaml"))
	// The workload falls ill, and each of its pods waits from crash to crash.
	until(t, "the answer that README.md shows", func() (bool, any) {
		got := exchange(t, asText(request(t, http.MethodPost, b.URL()+asking[1], []byte(asking[2]))))
		require.Equal(t, http.StatusOK, got.status, string(got.body))
		return shows(shown, string(got.body)), string(got.body)
	})
	b.idle(t)
	require.Empty(t, b.mutations("shop"))
}

// names are the parts that every run makes anew.
var names = regexp.MustCompile(`basket-[a-z0-9]+-[a-z0-9]+|[0-9a-f]{16}-1`)

// shows tells that a README's text is the answer, line by line; a line that ends
// with an ellipsis is cut.
func shows(readme, answer string) bool {
	shown := strings.Split(strings.TrimSpace(names.ReplaceAllString(readme, "N")), "\n")
	lines := strings.Split(strings.TrimSpace(names.ReplaceAllString(answer, "N")), "\n")
	return slices.EqualFunc(shown, lines, func(s, l string) bool {
		head, cut := strings.CutSuffix(s, "…")
		return s == l || cut && strings.HasPrefix(l, head)
	})
}
