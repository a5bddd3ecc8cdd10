package action

import (
	"slices"
	"sync"
)

// Name is an action's name, as proposals and decisions write it.
type Name = string

// The actions.
const (
	ScaleDeployment    Name = "scale_deployment"
	ScaleStatefulSet   Name = "scale_statefulset"
	IncreaseResources  Name = "increase_resources"
	UpdateHPA          Name = "update_hpa"
	RestartPod         Name = "restart_pod"
	RollbackDeployment Name = "rollback_deployment"
	CordonNode         Name = "cordon_node"
	CollectDiagnostics Name = "collect_diagnostics"
	NotifyOnly         Name = "notify_only"
)

// Risk says how much an action can break.
type Risk string

// Risks, the harmless first.
const (
	RiskNone   Risk = "none"
	RiskLow    Risk = "low"
	RiskMedium Risk = "medium"
	RiskHigh   Risk = "high"
)

// Rule is what an action needs to be allowed, as in an RBAC rule.
type Rule struct {
	Group     string
	Resources []string
	Verbs     []string
}

// Action describes one action. It is a value: the catalogue cannot be changed
// through it.
type Action struct {
	Name Name
	// Summary is one line for people.
	Summary string
	// Targets are the kinds it acts on; "*" is any.
	Targets []string
	Risk    Risk
	// Reversible actions leave an undo receipt.
	Reversible bool
	// ChangesSpec tells that desired state moves, so that a GitOps tool that
	// owns the target would fight it.
	ChangesSpec bool
	// ChangesCluster is false for what only reads or says.
	ChangesCluster bool
	// Rules is the RBAC that performing it takes.
	Rules []Rule

	schema *schema
}

// Accepts reports whether the action can act on the kind.
func (a Action) Accepts(kind string) bool {
	return slices.Contains(a.Targets, "*") || slices.Contains(a.Targets, kind)
}

// Validate checks parameters against the action's schema. The error names
// every parameter that is wrong, and how.
func (a Action) Validate(parameters map[string]any) error {
	return a.schema.validate(a.Name, parameters)
}

// Schema is the JSON Schema (draft 2020-12) of the action's parameters.
func (a Action) Schema() string { return a.schema.text }

// Lookup finds an action by name.
func Lookup(name Name) (Action, bool) {
	a, ok := byName()[name]
	return a, ok
}

// All lists the actions, sorted by name.
func All() []Action {
	names := make([]Name, 0, len(catalogue))
	for name := range byName() {
		names = append(names, name)
	}
	slices.Sort(names)
	out := make([]Action, len(names))
	for i, name := range names {
		out[i] = byName()[name]
	}
	return out
}

var byName = sync.OnceValue(func() map[Name]Action {
	m := make(map[Name]Action, len(catalogue))
	for _, a := range catalogue {
		m[a.Name] = a
	}
	return m
})
