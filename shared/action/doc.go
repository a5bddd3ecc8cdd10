// Package action is the catalogue of what Kubernaut can do to a cluster: name,
// targets, parameter schema, risk, reversibility and the RBAC that it takes.
// An analyst only selects from it; authorize and execute both validate what
// was selected against it. The code that performs an action lives in
// functions/execute.
//
//	a, ok := action.Lookup("scale_deployment")
//	err := a.Validate(map[string]any{"replicas": 3})
package action
