package source

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// twin is a source that claims a path of another.
type twin struct{ prometheus }

func (twin) Name() string { return "twin" }

func TestAllThatIsWrongWithSourcesIsToldAtOnce(t *testing.T) {
	before := openers
	t.Cleanup(func() { openers = before })
	Register(func(Settings) (Source, error) { return twin{}, nil })
	Register(func(Settings) (Source, error) { return nil, errors.New("setting PAGER: no number") })
	_, err := Open(settings{EnvEventReasons: "=high"})
	for _, wrong := range []string{atPrometheus, "prometheus and of twin", "setting PAGER", EnvEventReasons} {
		require.ErrorContains(t, err, wrong)
	}
}

func TestPathsAreToldAsPeopleWriteThem(t *testing.T) {
	all, err := Open(settings(nil))
	require.NoError(t, err)
	require.Subset(t, Paths(all), []string{"/", atCloudEvents, atKaro, atPrometheus, atAlertmanager})
	require.IsIncreasing(t, Paths(all))
}
