package eventtest

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"kubernaut.ai/shared/event"
)

// seed is public knowledge: it must never seal anything outside tests.
func seed(stage string) []byte {
	sum := sha256.Sum256([]byte("kubernaut sample key of " + stage))
	return sum[:]
}

// Key is the stage's sealing key in tests.
func Key(stage string) event.SealingKey {
	key, err := event.NewSealingKey(seed(stage))
	if err != nil {
		panic(err) // a SHA-256 is always a seed
	}
	return key
}

// PrivateKey is the text that SEAL_PRIVATE_KEY takes.
func PrivateKey(stage string) string { return base64.StdEncoding.EncodeToString(seed(stage)) }

// PublicKeys is the text that SEAL_PUBLIC_KEYS takes: every stage that
// produces a type of the catalogue.
func PublicKeys() string {
	seen, lines := map[string]bool{}, []string{}
	for _, entry := range event.Catalogue() {
		for _, stage := range entry.Producers {
			if !seen[stage] {
				seen[stage] = true
				lines = append(lines, stage+" "+Key(stage).Public())
			}
		}
	}
	return strings.Join(lines, "\n")
}

// Keyring accepts the seals of Key.
func Keyring() event.Keyring {
	ring, err := event.ParseKeyring(PublicKeys())
	if err != nil {
		panic(err) // the lines above are always well formed
	}
	return ring
}
