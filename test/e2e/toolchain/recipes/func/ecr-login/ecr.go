// Package ecr stands in for the AWS credential helper that func links. It knows
// no credentials, so func goes on to its other sources of them, as it does with
// the real helper for a registry that is not one of AWS.
package ecr

import (
	"context"
	"errors"
	"io"
)

// errNotFound is what func reads as "no credentials here, ask the next".
var errNotFound = errors.New("credentials not found in native keychain")

// Helper answers that it knows no credentials.
type Helper struct{}

// Option is accepted for the sake of the caller and has no effect.
type Option func(*Helper)

// NewECRHelper returns a helper without credentials.
func NewECRHelper(...Option) *Helper { return &Helper{} }

// WithLogger is accepted: nothing is logged.
func WithLogger(io.Writer) Option { return func(*Helper) {} }

// WithContext is accepted: nothing is asked that could be cancelled.
func WithContext(context.Context) Option { return func(*Helper) {} }

// Get always returns an error, which the caller takes for anonymous access.
func (*Helper) Get(string) (user, secret string, err error) { return "", "", errNotFound }
