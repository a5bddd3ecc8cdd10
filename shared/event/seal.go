package event

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	cloudevents "github.com/cloudevents/sdk-go/v2"
)

// Reasons for which an event is not believed. Whoever can post to the Broker
// can post anything: only the seal says who wrote it.
var (
	ErrUnsealed      = errors.New("event carries no seal")
	ErrUnknownKey    = errors.New("event is sealed with a key that is not known for its source")
	ErrSealBroken    = errors.New("event does not match its seal")
	ErrWrongProducer = errors.New("event comes from a stage that may not produce its type")
)

// SealingKey seals what one stage emits.
type SealingKey struct {
	id      string
	private ed25519.PrivateKey
}

// NewSealingKey makes a key from its 32-byte Ed25519 seed.
func NewSealingKey(seed []byte) (SealingKey, error) {
	if len(seed) != ed25519.SeedSize {
		return SealingKey{}, fmt.Errorf("sealing key: seed has %d bytes, want %d", len(seed), ed25519.SeedSize)
	}
	private := ed25519.NewKeyFromSeed(seed)
	return SealingKey{id: keyID(private.Public().(ed25519.PublicKey)), private: private}, nil
}

// ParseSealingKey reads a key from its seed in standard base64.
func ParseSealingKey(text string) (SealingKey, error) {
	seed, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil {
		// The text is a secret: the error must not repeat any of it.
		return SealingKey{}, errors.New("sealing key: not base64 of a 32-byte seed")
	}
	return NewSealingKey(seed)
}

// Public is the public half in standard base64, as keyrings list it.
func (k SealingKey) Public() string {
	return base64.StdEncoding.EncodeToString(k.private.Public().(ed25519.PublicKey))
}

// Seal signs the event's id, type, source, correlation id and data, and that
// it only explains where it does.
func (k SealingKey) Seal(e *cloudevents.Event) error {
	if len(k.private) == 0 {
		return errors.New("seal event: no sealing key")
	}
	e.SetExtension(ExtSealKey, k.id)
	e.SetExtension(ExtSeal, base64.RawURLEncoding.EncodeToString(ed25519.Sign(k.private, sealed(*e))))
	return nil
}

// Keyring knows the public keys of each stage: the present one, and former
// ones while a rotation lasts.
type Keyring map[string]map[string]ed25519.PublicKey

// ParseKeyring reads lines of "stage base64-public-key"; a stage may have
// several. Empty lines and lines that start with # are skipped.
func ParseKeyring(text string) (Keyring, error) {
	ring := Keyring{}
	for n, line := range strings.Split(text, "\n") {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if len(fields) != 2 {
			return nil, fmt.Errorf("keyring line %d: want \"stage key\"", n+1)
		}
		public, err := base64.StdEncoding.DecodeString(fields[1])
		if err != nil || len(public) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("keyring line %d: not base64 of a %d-byte public key", n+1, ed25519.PublicKeySize)
		}
		if ring[fields[0]] == nil {
			ring[fields[0]] = map[string]ed25519.PublicKey{}
		}
		ring[fields[0]][keyID(public)] = public
	}
	if len(ring) == 0 {
		return nil, errors.New("keyring: lists no key")
	}
	return ring, nil
}

// Verify proves that the event's type is in the catalogue, that the stage its
// source names may produce it, and that this stage sealed these very bytes.
func (r Keyring) Verify(e cloudevents.Event) error {
	entry, ok := Lookup(e.Type())
	if !ok {
		return fmt.Errorf("%w: type %q", ErrNotInCatalogue, e.Type())
	}
	stage, ok := StageOf(e.Source())
	if !ok || !entry.Produces(stage) {
		return fmt.Errorf("%w: %s from %q", ErrWrongProducer, e.Type(), e.Source())
	}
	text := Extension(e, ExtSeal)
	if text == "" {
		return fmt.Errorf("%w: %s %s", ErrUnsealed, e.Type(), e.ID())
	}
	public, ok := r[stage][Extension(e, ExtSealKey)]
	if !ok {
		return fmt.Errorf("%w: key %q of stage %s", ErrUnknownKey, Extension(e, ExtSealKey), stage)
	}
	signature, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || !ed25519.Verify(public, sealed(e), signature) {
		return fmt.Errorf("%w: %s %s", ErrSealBroken, e.Type(), e.ID())
	}
	return nil
}

// sealed is the message that a seal signs. Each part has its length in front,
// so no two events share one message.
func sealed(e cloudevents.Event) []byte {
	data, explain := e.Data(), mark(e)
	parts := [...]string{e.ID(), e.Type(), e.Source(), Extension(e, ExtCorrelation)}
	size := 4*(len(parts)+2) + len(data) + len(explain)
	for _, p := range parts {
		size += len(p)
	}
	message := make([]byte, 0, size)
	for _, p := range parts {
		message = append(binary.BigEndian.AppendUint32(message, uint32(len(p))), p...)
	}
	message = append(binary.BigEndian.AppendUint32(message, uint32(len(data))), data...)
	if explain == "" {
		return message
	}
	// One part more than any other event's message has, so a stage that has not
	// heard of explanations, as it may be while versions change, takes the seal
	// for broken instead of acting.
	return append(binary.BigEndian.AppendUint32(message, uint32(len(explain))), explain...)
}

// keyID names a public key by the start of its SHA-256.
func keyID(public ed25519.PublicKey) string {
	sum := sha256.Sum256(public)
	return hex.EncodeToString(sum[:6])
}
