package ledger

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/stretchr/testify/require"
)

func TestAPackedPayloadComesBackAsItWas(t *testing.T) {
	noise := make([]byte, 4096)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(noise)
	for name, payload := range map[string][]byte{
		"none":                     nil,
		"empty":                    {},
		"small":                    []byte("small"),
		"large":                    bytes.Repeat([]byte("a sealed event, "), 4096),
		"large and incompressible": noise,
		"binary with line breaks":  {0, '\n', 0xff, '\n'},
	} {
		t.Run(name, func(t *testing.T) {
			packed, err := pack(payload)
			require.NoError(t, err)
			require.LessOrEqual(t, len(packed), len(payload)+1)
			got, err := unpack(string(packed))
			require.NoError(t, err)
			require.Equal(t, payload, got)
		})
	}
}

func TestADamagedPayloadIsAnErrorAndNotABomb(t *testing.T) {
	bomb := append([]byte{storedS2}, s2.Encode(nil, make([]byte, MaxPayload+1))...)
	for name, stored := range map[string]string{
		"nothing":      "",
		"unknown form": "?abc",
		"cut short":    "s\xf0abc",
		"a bomb":       string(bomb),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := unpack(stored)
			require.Error(t, err)
		})
	}
}
