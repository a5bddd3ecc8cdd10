package main

import (
	"bytes"
	"flag"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func environment(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

func TestFlagsWinOverVariablesWinOverDefaults(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		env  map[string]string
		want func(*testing.T, *options)
	}{
		"nothing given": {want: func(t *testing.T, o *options) {
			require.Equal(t, "127.0.0.1:8080", o.system.Listen)
			require.Equal(t, "local/samples", o.samples)
			require.Empty(t, o.system.Objects)
			require.Nil(t, o.system.Chaos)
			require.True(t, o.system.Simulated())
		}},
		"a variable": {env: map[string]string{"LISTEN_ADDRESS": "127.0.0.1:9", "STABILIZATION": "7s", "DRY_RUN": "true", "CHAOS": "1"},
			want: func(t *testing.T, o *options) {
				require.Equal(t, "127.0.0.1:9", o.system.Listen)
				require.Equal(t, 7*time.Second, o.system.Stabilization)
				require.True(t, o.system.DryRun)
				require.NotNil(t, o.system.Chaos)
			}},
		"a flag and its variable": {args: []string{"--listen", "127.0.0.1:1", "--chaos=false"}, env: map[string]string{"LISTEN_ADDRESS": "127.0.0.1:9", "CHAOS": "1"},
			want: func(t *testing.T, o *options) {
				require.Equal(t, "127.0.0.1:1", o.system.Listen)
				require.Nil(t, o.system.Chaos)
			}},
		"a list, repeated and with commas": {args: []string{"--objects", "a,b", "--objects", "c"}, want: func(t *testing.T, o *options) {
			require.Equal(t, []string{"a", "b", "c"}, o.system.Objects)
		}},
		"a list by flag replaces that of the variable": {args: []string{"--objects", "a"}, env: map[string]string{"OBJECTS": "b"},
			want: func(t *testing.T, o *options) { require.Equal(t, []string{"a"}, o.system.Objects) }},
		"loopback by name":        {args: []string{"--listen", "localhost:0"}, want: func(*testing.T, *options) {}},
		"loopback of version six": {args: []string{"--listen", "[::1]:8080"}, want: func(*testing.T, *options) {}},
		"other machines, of which it is said who may post": {args: []string{"--listen", "0.0.0.0:8080"}, env: map[string]string{"GATEWAY_AUTH": "none"},
			want: func(t *testing.T, o *options) { require.Equal(t, "0.0.0.0:8080", o.system.Listen) }},
		"a function elsewhere": {args: []string{"--function", "classify=http://127.0.0.1:8081"}, want: func(t *testing.T, o *options) {
			require.Equal(t, map[string]string{"classify": "http://127.0.0.1:8081"}, o.system.Elsewhere)
		}},
		"a real cluster tells no samples": {args: []string{"--context", "kind"}, want: func(t *testing.T, o *options) {
			stories, err := o.stories()
			require.NoError(t, err)
			require.Empty(t, stories)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := parse(c.args, environment(c.env), &bytes.Buffer{})
			require.NoError(t, err)
			c.want(t, o)
		})
	}
}

func TestWhatIsWronglyGivenIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		env  map[string]string
		want string
	}{
		"an unknown flag":              {args: []string{"--sample"}, want: "sample"},
		"a word without a flag":        {args: []string{"run"}, want: `unknown argument "run"`},
		"a duration that is none":      {args: []string{"--stabilization", "soon"}, want: "stabilization"},
		"a variable that is none":      {env: map[string]string{"STABILIZATION": "soon", "ONCE": "perhaps"}, want: "environment variable ONCE"},
		"a function without a stage":   {args: []string{"--function", "http://127.0.0.1:8081"}, want: "stage=URL"},
		"a function that there is not": {args: []string{"--function", "clasify=http://127.0.0.1:8081"}, want: "clasify"},
		"an address for all machines":  {args: []string{"--listen", "0.0.0.0:8080"}, want: `set GATEWAY_AUTH, to "none" for everybody`},
		"an address without a host":    {args: []string{"--listen", ":8080"}, want: "set GATEWAY_AUTH"},
		"another address of ours":      {env: map[string]string{"LISTEN_ADDRESS": "192.0.2.7:8080"}, want: "or listen on 127.0.0.1"},
		"a name that may be anything":  {args: []string{"--listen", "myhost:8080"}, want: "set GATEWAY_AUTH"},
		"an address that is none":      {args: []string{"--listen", "8080"}, want: "write 127.0.0.1:8080"},
		"objects for a real cluster":   {args: []string{"--context", "kind", "--objects", "x.yaml"}, want: "kubectl apply"},
		"a negative stabilization":     {args: []string{"--stabilization", "-3s"}, want: "stabilization"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse(c.args, environment(c.env), &bytes.Buffer{})
			require.ErrorContains(t, err, c.want)
			require.Equal(t, 2, usage(err))
		})
	}
}

func TestHelpShowsEveryFlagWithItsVariable(t *testing.T) {
	var out bytes.Buffer
	_, err := parse([]string{"--help"}, environment(nil), &out)
	require.ErrorIs(t, err, flag.ErrHelp)
	require.Zero(t, usage(err))
	for name, variable := range variables {
		require.Contains(t, out.String(), "--"+name+" ["+variable+"]")
	}
	require.Equal(t, strings.Count(out.String(), "\n  --"), len(variables)+3, "all but --redrive, --forget and --event, commands of their own, have a variable")
}

func TestStoresThatAreSharedAreNamedWithoutTheirPasswords(t *testing.T) {
	o, err := parse(nil, environment(map[string]string{"REDIS_URL": "redis://:hunter2@cache.example:6379/0", "HISTORY_URL": "postgres://db.example/k?user=k&password=hunter2"}), io.Discard)
	require.NoError(t, err)
	require.Equal(t, []string{"the claims at cache.example:6379/0 (REDIS_URL)", "the history at db.example/k (HISTORY_URL)"}, o.stores())
	o, err = parse(nil, environment(nil), io.Discard)
	require.NoError(t, err)
	require.Empty(t, o.stores(), "what is embedded is nobody else's")
}
