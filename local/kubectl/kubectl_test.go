package kubectl

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// script is a kubectl that does what it says.
func script(t *testing.T, text string) Command {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubectl")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o755))
	c, err := Parse(path + " --context west-1")
	require.NoError(t, err)
	return c
}

func TestFlagsOfTheCommandComeFirst(t *testing.T) {
	out, err := script(t, `echo "$*"`).Output(t.Context(), "get", "pods")
	require.NoError(t, err)
	require.Equal(t, "--context west-1 get pods\n", string(out))
	_, err = Parse(" ")
	require.ErrorContains(t, err, "names no command")
}

// TestWhyItFailedIsNamed has the words of real kubectls.
func TestWhyItFailedIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		said string
		want error
		word string
	}{
		"no server": {"E1130 05:32:02.29 30707 memcache.go:265] \"Unhandled Error\" err=\"...\"\nThe connection to the server localhost:8080 was refused - did you specify the right host or port?",
			ErrUnreachable, "it says: The connection to the server localhost:8080 was refused"},
		"a server that is away":  {"Unable to connect to the server: dial tcp: lookup k.example: no such host", ErrUnreachable, "k.example"},
		"an unknown context":     {`error: context "west-9" does not exist`, ErrUnreachable, "west-9"},
		"a session that is over": {"error: You must be logged in to the server (Unauthorized)", ErrUnreachable, "logged in"},
		"an unknown namespace":   {`Error from server (NotFound): namespaces "kubernaut-system" not found`, ErrNotFound, "kubernaut-system"},
		"a right that is missing": {`Error from server (Forbidden): secrets is forbidden: User "jane" cannot list resource "secrets"`,
			ErrForbidden, "jane"},
		"something else": {"error: unknown flag: --contxt", errFailed, "--contxt"},
		"nothing":        {"", errFailed, "it says: nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "said")
			require.NoError(t, os.WriteFile(file, []byte(c.said), 0o600))
			_, err := script(t, "echo secret-output; cat "+file+" >&2; exit 1").Output(t.Context(), "get")
			require.ErrorIs(t, err, c.want)
			require.ErrorContains(t, err, c.word)
			require.NotContains(t, err.Error(), "memcache.go", "only its last word")
			require.NotContains(t, err.Error(), "secret-output")
		})
	}
	_, err := Command{"no-such-kubectl"}.Output(t.Context(), "get")
	require.ErrorIs(t, err, ErrNotInstalled)
}

func TestWhatItSaysIsBounded(t *testing.T) {
	var s Said
	_, _ = s.Write([]byte(strings.Repeat("a", maxSaid)))
	_, _ = s.Write([]byte("the end"))
	require.Len(t, s.String(), maxSaid)
	require.True(t, strings.HasSuffix(s.String(), "the end"))
}

func TestItEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := script(t, "echo begun; exec tail -f /dev/null")
	cmd := c.Cmd(ctx, "port-forward")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	word := make([]byte, 5)
	_, err = out.Read(word)
	require.NoError(t, err)
	cancel()
	require.Error(t, cmd.Wait())
}
