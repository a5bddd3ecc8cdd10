package event_test

import (
	"strings"
	"testing"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/event/eventtest"
)

func TestForgedAndAlteredEventsAreRefused(t *testing.T) {
	reseal := func(stage string, e *cloudevents.Event) { require.NoError(t, eventtest.Key(stage).Seal(e)) }
	cases := []struct {
		name    string
		attempt func(e *cloudevents.Event)
		want    error
	}{
		{"as it was sealed, it is believed", func(*cloudevents.Event) {}, nil},
		{"a filterable extension may be changed: nothing rests on it", func(e *cloudevents.Event) { e.SetExtension("risk", "low") }, nil},
		{"without a seal", func(e *cloudevents.Event) { e.SetExtension(event.ExtSeal, nil) }, event.ErrUnsealed},
		{"with a seal that is not base64", func(e *cloudevents.Event) { e.SetExtension(event.ExtSeal, "!!") }, event.ErrSealBroken},
		{"with one byte of data changed", func(e *cloudevents.Event) {
			e.DataEncoded = []byte(strings.Replace(string(e.Data()), `"dryRun"`, `"dryrun"`, 1) + " ")
		}, event.ErrSealBroken},
		{"with another id, to pass the inbox again", func(e *cloudevents.Event) { e.SetID("0123456789abcdef0123456789abcdef") }, event.ErrSealBroken},
		{"for another remediation", func(e *cloudevents.Event) { e.SetExtension(event.ExtCorrelation, "other-1") }, event.ErrSealBroken},
		{"a hold relabelled as an approval", func(e *cloudevents.Event) {
			*e = eventtest.Sample(event.RemediationHeld)
			e.SetType(event.RemediationApproved)
		}, event.ErrSealBroken},
		{"sealed by a stage that may not produce it", func(e *cloudevents.Event) {
			e.SetSource(event.Source(eventtest.Namespace, event.StageAnalyze))
			reseal(event.StageAnalyze, e)
		}, event.ErrWrongProducer},
		{"sealed by another stage under the producer's name", func(e *cloudevents.Event) { reseal(event.StageAnalyze, e) }, event.ErrUnknownKey},
		{"sealed by another stage under the producer's name and key id", func(e *cloudevents.Event) {
			id := event.Extension(*e, event.ExtSealKey)
			reseal(event.StageAnalyze, e)
			e.SetExtension(event.ExtSealKey, id)
		}, event.ErrSealBroken},
		{"from a source that is no stage", func(e *cloudevents.Event) { e.SetSource("/somewhere") }, event.ErrWrongProducer},
		{"of a type that the catalogue does not list", func(e *cloudevents.Event) { e.SetType("ai.kubernaut.remediation.forced.v1") }, event.ErrNotInCatalogue},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			e := eventtest.Sample(event.RemediationApproved)
			c.attempt(&e)
			err := eventtest.Keyring().Verify(e)
			if c.want == nil {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, c.want)
			}
		})
	}
}

func TestAFormerKeyIsAcceptedWhileARotationLasts(t *testing.T) {
	former, err := event.NewSealingKey([]byte(strings.Repeat("f", 32)))
	require.NoError(t, err)
	e := eventtest.Sample(event.SignalEnriched)
	require.NoError(t, former.Seal(&e))
	require.ErrorIs(t, eventtest.Keyring().Verify(e), event.ErrUnknownKey)
	ring, err := event.ParseKeyring("# both keys of enrich\n" + eventtest.PublicKeys() + "\nenrich " + former.Public())
	require.NoError(t, err)
	require.NoError(t, ring.Verify(e))
	require.NoError(t, ring.Verify(eventtest.Sample(event.SignalEnriched)))
}

func TestErrorsOfKeysNeverRepeatTheKey(t *testing.T) {
	const secret = "c2VjcmV0LXRoYXQtaXMtdG9vLXNob3J0"
	_, err := event.ParseSealingKey(secret)
	require.Error(t, err)
	require.NotContains(t, err.Error(), secret)
	_, err = event.ParseSealingKey("not base64 " + secret)
	require.Error(t, err)
	require.NotContains(t, err.Error(), secret)
}

func TestKeyringsThatCannotBeRead(t *testing.T) {
	for name, text := range map[string]string{
		"an empty one":                "",
		"only comments":               "# nothing",
		"a line with three words":     "enrich key more",
		"a key that is not base64":    "enrich ???",
		"a key of the wrong length":   "enrich aGVsbG8=",
		"a good line and a bad line ": eventtest.PublicKeys() + "\nenrich",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := event.ParseKeyring(text)
			require.Error(t, err)
		})
	}
}

func BenchmarkSealAndVerify(b *testing.B) {
	e, key, ring := eventtest.Sample(event.RemediationApproved), eventtest.Key(event.StageAuthorize), eventtest.Keyring()
	b.Run("seal", func(b *testing.B) {
		for b.Loop() {
			_ = key.Seal(&e)
		}
	})
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			_ = ring.Verify(e)
		}
	})
}
