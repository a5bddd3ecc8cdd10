// Package contract holds the catalogue of events, the manifests in triggers/
// and brokers/, and the folders of functions/ against each other.
package contract
