package contract

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
)

// resources are client-go's accessors and what they reach.
var resources = map[string]string{
	"Pods": "pods", "Nodes": "nodes", "Events": "events", "Services": "services", "Namespaces": "namespaces",
	"PersistentVolumeClaims": "persistentvolumeclaims", "LimitRanges": "limitranges", "ResourceQuotas": "resourcequotas",
	"Deployments": "apps/deployments", "StatefulSets": "apps/statefulsets", "DaemonSets": "apps/daemonsets",
	"ReplicaSets": "apps/replicasets", "ControllerRevisions": "apps/controllerrevisions",
	"Jobs": "batch/jobs", "CronJobs": "batch/cronjobs", "HorizontalPodAutoscalers": "autoscaling/horizontalpodautoscalers",
	"PodDisruptionBudgets": "policy/poddisruptionbudgets", "Evictions": "pods/eviction",
	"TokenReviews": "authentication.k8s.io/tokenreviews", "SubjectAccessReviews": "authorization.k8s.io/subjectaccessreviews",
	"Secrets": "secrets", "ConfigMaps": "configmaps", "ServiceAccounts": "serviceaccounts",
}

// verbs are client-go's methods, and the RBAC verb that each takes.
var verbs = map[string]string{"Get": "get", "List": "list", "Watch": "watch", "Create": "create", "Update": "update", "Patch": "patch",
	"Delete": "delete", "DeleteCollection": "deletecollection", "Evict": "create", "GetLogs": "get", "Apply": "patch"}

// groups are the accessors of API groups: what stands left of a resource.
func isGroup(name string) bool {
	return strings.HasPrefix(name, "CoreV") || strings.HasPrefix(name, "AppsV") || strings.HasPrefix(name, "BatchV") ||
		strings.HasPrefix(name, "PolicyV") || strings.HasPrefix(name, "AutoscalingV") || strings.HasPrefix(name, "Authentic") ||
		strings.HasPrefix(name, "Authoriz")
}

// use is one place where a stage's code reaches for a resource; the verb is
// empty where it is not called at once.
type use struct{ resource, verb, at string }

// uses finds them in the Go files of a folder, outside its tests.
func uses(t *testing.T, folder string) []use {
	t.Helper()
	var found []use
	require.NoError(t, filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if d != nil && d.Name() == ".func" {
				return filepath.SkipDir
			}
			return err
		}
		if filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		found = append(found, usesIn(file, files)...)
		return nil
	}))
	return found
}

func usesIn(file *ast.File, files *token.FileSet) []use {
	var found []use
	verbOf := map[ast.Node]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		selector, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if verb, known := verbs[selector.Sel.Name]; known {
			verbOf[selector.X] = verb
		}
		resource, known := resources[selector.Sel.Name]
		if !known || !groupLeft(selector.X) {
			return true
		}
		u := use{resource: resource, verb: verbOf[call], at: files.Position(call.Pos()).String()}
		if parent := call; verbOf[parent] == "get" && resource == "pods" && logs(file, call) {
			u.resource = "pods/log"
		}
		found = append(found, u)
		return true
	})
	return found
}

// groupLeft tells that a resource is taken of an API group.
func groupLeft(x ast.Expr) bool {
	switch x := x.(type) {
	case *ast.CallExpr:
		selector, ok := x.Fun.(*ast.SelectorExpr)
		return ok && isGroup(selector.Sel.Name)
	case *ast.Ident:
		return x.Name == "apps" || x.Name == "core"
	}
	return false
}

// logs tells that the call's result is asked for GetLogs.
func logs(file *ast.File, call *ast.CallExpr) bool {
	found := false
	ast.Inspect(file, func(n ast.Node) bool {
		selector, ok := n.(*ast.SelectorExpr)
		found = found || ok && selector.X == ast.Expr(call) && selector.Sel.Name == "GetLogs"
		return !found
	})
	return found
}

func TestStagesReachOnlyForWhatTheyAreGranted(t *testing.T) {
	b := overlay(t, "dev")
	checked := 0
	for _, stage := range functionNames(t) {
		may := granted(t, b, stage)
		for _, u := range uses(t, filepath.Join(root, "functions", stage)) {
			checked++
			if u.verb != "" {
				require.Contains(t, may, u.resource+" "+u.verb, "%s, at %s", stage, u.at)
				continue
			}
			require.True(t, slices.ContainsFunc(may, func(p string) bool { return strings.HasPrefix(p, u.resource+" ") }),
				"%s reaches for %s at %s", stage, u.resource, u.at)
		}
	}
	require.Greater(t, checked, 50, "the search still finds client-go's calls")
	require.Empty(t, uses(t, filepath.Join(root, "functions", event.StageClassify)))
}
