package caller

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzSecretFile reads whatever a file holds: each line that is a secret is found
// by its own text, and nothing else is one.
func FuzzSecretFile(f *testing.F) {
	for _, seed := range []string{"", "# only a comment\n", "one\ntwo\r\n  three  \n", "\x00\n\xff\n#\n", "a b\n\n\n", "one\none\n"} {
		f.Add(seed, "one")
	}
	f.Fuzz(func(t *testing.T, text, sent string) {
		lines := parseSecrets(text)
		known := map[string]bool{}
		for _, line := range lines {
			require.NotEmpty(t, line.raw)
			require.NotContains(t, line.raw, "\n")
			require.False(t, strings.HasPrefix(line.raw, "#"))
			known[line.raw] = true
			raw, ok := match(lines, line.raw)
			require.True(t, ok)
			require.Equal(t, line.raw, raw)
		}
		_, ok := match(lines, sent)
		require.Equal(t, known[sent], ok)
	})
}
