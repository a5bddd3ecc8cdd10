package stage_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/stage"
)

func TestStagesThatAreElsewhere(t *testing.T) {
	got, err := stage.ParseStages("enrich=http://127.0.0.1:4001/, classify=https://c.example:8443/base/")
	require.NoError(t, err)
	require.Equal(t, map[string]string{"enrich": "http://127.0.0.1:4001", "classify": "https://c.example:8443/base"}, got)
	none, err := stage.ParseStages("")
	require.NoError(t, err)
	require.Empty(t, none)
	for name, text := range map[string]string{
		"no address":         "enrich",
		"no stage":           "=http://127.0.0.1:4001",
		"no host":            "enrich=http:///x",
		"no scheme":          "enrich=127.0.0.1:4001",
		"another scheme":     "enrich=ftp://127.0.0.1",
		"a broken address":   "enrich=http://[::1",
		"one good, one none": "enrich=http://127.0.0.1,classify",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := stage.ParseStages(text)
			require.ErrorContains(t, err, stage.EnvStages)
		})
	}
}

func FuzzStages(f *testing.F) {
	for _, seed := range []string{"", "enrich=http://127.0.0.1:1/", "a=b", "a=http://[::1", ",,= ", "a=https://b,c=http://d//"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		addresses, err := stage.ParseStages(text)
		if err != nil {
			require.ErrorContains(t, err, stage.EnvStages)
			return
		}
		for name, address := range addresses {
			require.NotEmpty(t, name)
			u, err := url.Parse(address)
			require.NoError(t, err)
			require.NotEmpty(t, u.Host)
		}
	})
}
