package signal

import (
	"crypto/sha256"
	"encoding/hex"
)

// Workload is what a claim is about: the top owner of what an alert named.
type Workload struct {
	// Cluster is the alert's cluster label, empty if it had none.
	Cluster string
	// Namespace is empty for what is cluster-scoped.
	Namespace string
	// Kind is as KindName writes it.
	Kind string
	Name string
}

// Fingerprint names the claim on a workload: the SHA-256, in 64 hex
// characters, of namespace:Kind:name, with cluster: in front where there is
// one. The alert's name is no part of it: whatever is wrong with a workload,
// one remediation at a time works on it.
func (w Workload) Fingerprint() string {
	text := make([]byte, 0, 128)
	if w.Cluster != "" {
		text = append(append(text, w.Cluster...), ':')
	}
	text = append(append(text, w.Namespace...), ':')
	text = append(append(text, w.Kind...), ':')
	text = append(text, w.Name...)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
