// Package shared is the module that every Kubernaut function builds on: one
// package per thing that has an owner (events, claims, the cluster, policy,
// actions, history). It holds no code of its own.
package shared
