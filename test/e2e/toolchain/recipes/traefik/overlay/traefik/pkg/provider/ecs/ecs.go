// Package ecs takes the place of Traefik's provider for Amazon ECS, whose three
// SDKs are two fifths of what Traefik compiles. The static configuration names
// its type, so the type stays; choosing the provider is an error.
package ecs

import (
	"errors"

	"github.com/traefik/traefik/v3/pkg/config/dynamic"
	"github.com/traefik/traefik/v3/pkg/safe"
)

// errNotBuilt is what choosing this provider leads to.
var errNotBuilt = errors.New("the ECS provider is not part of this build")

// Provider has no settings.
type Provider struct{}

// SetDefaults has nothing to set.
func (*Provider) SetDefaults() {}

// Init always returns an error.
func (*Provider) Init() error { return errNotBuilt }

// Provide always returns an error.
func (*Provider) Provide(chan<- dynamic.Message, *safe.Pool) error { return errNotBuilt }
