// Package caller decides who may post to the gateway.
//
// Callers prove who they are by one of several kinds of credential, each of
// them optional and several at once:
//
//	token           Authorization: Bearer <one of the lines of the file tokens>
//	basic           Authorization: Basic <one of the lines user:password of the file users>
//	serviceaccount  Authorization: Bearer <token of a ServiceAccount that may create signals.kubernaut.ai>
//	certificate     a client certificate with an allowed name, of this server's TLS or forwarded by an ingress
//	hmac            X-Signature: sha256=<hex HMAC-SHA256 of the body, by one of the lines of the file hmac>
//	loopback        nothing: who is on this machine may post; for one's own machine only
//	none            nothing: everybody may post
//
// The rule: one credential that is accepted suffices, and one that is there and
// wrong refuses the request whatever else it carries. Credentials of kinds that
// are not in use are not looked at. Who carries none is refused, but on paths
// that are open to the cluster's network: for Knative sources that can send no
// credential. They are open only while the cluster says that the gateway's Knative
// Service is served inside it alone, and to requests that are addressed to a name
// that only the cluster resolves.
//
// Files of secrets are read again when they change: a credential is added,
// moved to and removed without a restart. An empty file accepts nobody. One that
// cannot be read, an API server or a Redis that does not answer mean that the
// question who it is has no answer now: 503, and the sender posts again.
//
// A ServiceAccount's token is reviewed by the API server, and its owner needs
// the verb create on signals.kubernaut.ai in the gateway's namespace. A yes is
// remembered for a minute, and so a right that was taken away lasts that long.
//
// A signature says who wrote a body and not when: bodies carry a timestamp (as
// Flux's do), and are refused when it is older than the window. Within it the
// ledger's inbox remembers bodies that were taken, for all instances, and refuses
// them; one that was not taken is the sender's to post again. Where Redis fails
// between the two, a body may be taken twice: then its alerts are duplicates.
//
// An ingress that ends TLS may forward the client's certificate in a header. It
// is believed only beside the ingress's own secret (X-Kubernaut-Ingress, a line of
// the file ingress), which the ingress must set, and strip from what clients
// send; and the certificate must be signed by an authority of the file client-ca.
//
// No error, log line or answer of this package repeats a credential.
package caller
