package replay_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/local/replay"
)

const good = "title: A title\nexpect: healed\n"

// sample writes a folder of samples with one of these files.
func sample(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return dir
}

func TestAStoryIsRead(t *testing.T) {
	dir := sample(t, map[string]string{
		"b/story.yaml": good, "b/firing.json": "{}",
		"a/story.yaml": good + "posts: 3\nanswer: approve\n", "a/firing.json": "{}", "a/resolved.json": "[]", "a/objects.yaml": "", "README.md": "not a sample",
	})
	stories, err := replay.Load(dir)
	require.NoError(t, err)
	require.Len(t, stories, 2)
	a, b := stories[0], stories[1]
	require.Equal(t, "a", a.Name, "in the order of names")
	require.Equal(t, 3, a.Posts)
	require.Equal(t, "[]", string(a.Resolved))
	require.Equal(t, filepath.Join(dir, "a", "objects.yaml"), a.Objects)
	require.Empty(t, a.Rollout)
	require.Equal(t, 1, b.Posts, "posted once unless it says otherwise")
	require.Nil(t, b.Resolved)
}

func TestASampleThatCannotBeToldIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"no story":                    {map[string]string{"a/firing.json": "{}"}, "story.yaml"},
		"a story that is no YAML":     {map[string]string{"a/story.yaml": "{"}, "story.yaml"},
		"a field that there is not":   {map[string]string{"a/story.yaml": good + "expects: x\n"}, "expects"},
		"no alert":                    {map[string]string{"a/story.yaml": good}, "firing.json"},
		"no title":                    {map[string]string{"a/story.yaml": "expect: healed\n", "a/firing.json": "{}"}, "title and expect"},
		"no expectation":              {map[string]string{"a/story.yaml": "title: x\n", "a/firing.json": "{}"}, "title and expect"},
		"too many posts":              {map[string]string{"a/story.yaml": good + "posts: 1001\n", "a/firing.json": "{}"}, "posts must be"},
		"fewer posts than none":       {map[string]string{"a/story.yaml": good + "posts: -1\n", "a/firing.json": "{}"}, "posts must be"},
		"an answer that nobody gives": {map[string]string{"a/story.yaml": good + "answer: perhaps\n", "a/firing.json": "{}"}, "approve or refuse"},
		"a pod of nothing":            {map[string]string{"a/story.yaml": good + "pod: x\n", "a/firing.json": "{}"}, "pod needs broken"},
		"a folder with files only":    {map[string]string{"README.md": "x"}, "holds none"},
		"two that are wrong, not one": {map[string]string{"a/story.yaml": "{", "b/story.yaml": good + "posts: -1\n", "b/firing.json": "{}"}, "sample b"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := replay.Load(sample(t, c.files))
			require.ErrorContains(t, err, c.want)
		})
	}
	t.Run("no folder", func(t *testing.T) {
		_, err := replay.Load(filepath.Join(t.TempDir(), "none"))
		require.ErrorIs(t, err, os.ErrNotExist)
	})
}

func TestTheSamplesOfTheProjectLoad(t *testing.T) {
	stories, err := replay.Load("../samples")
	require.NoError(t, err)
	require.NotEmpty(t, stories)
	for _, s := range stories {
		alerts, err := replay.Alerts(filepath.Join("../samples", s.Name))
		require.NoError(t, err)
		require.NotEmpty(t, alerts, s.Name)
	}
}
