// This file takes the place of one that the provider no longer needs.

package ecs
