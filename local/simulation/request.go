package simulation

import (
	"net/http"
	"net/url"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// Verbs as Kubernetes' authorizers and audit logs name them.
const (
	verbGet    = "get"
	verbList   = "list"
	verbWatch  = "watch"
	verbCreate = "create"
	verbUpdate = "update"
	verbPatch  = "patch"
	verbDelete = "delete"
	verbAll    = "deletecollection"
)

// Request is what a client asked for, as the audit log and injected faults see it.
type Request struct {
	Verb         string
	Resource     schema.GroupVersionResource
	Namespace    string
	Name         string
	Subresource  string
	User         string
	UserAgent    string
	FieldManager string
	DryRun       bool
}

// call is a request on a served resource, with what its handler needs.
type call struct {
	Request
	resource *resource
	user     User
	query    url.Values
	http     *http.Request
}

func (c *call) key() types.NamespacedName {
	return types.NamespacedName{Namespace: c.Namespace, Name: c.Name}
}

// path is a resource URL taken apart: /api/v1/... or /apis/<group>/<version>/...
type path struct {
	gv                           schema.GroupVersion
	namespace, plural, name, sub string
}

func parsePath(raw string) (path, bool) {
	parts := strings.Split(strings.Trim(raw, "/"), "/")
	var p path
	switch {
	case len(parts) >= 3 && parts[0] == "api":
		p.gv, parts = schema.GroupVersion{Version: parts[1]}, parts[2:]
	case len(parts) >= 4 && parts[0] == "apis":
		p.gv, parts = schema.GroupVersion{Group: parts[1], Version: parts[2]}, parts[3:]
	default:
		return p, false
	}
	if parts[0] == "watch" {
		return p, false // the deprecated watch paths; every client uses ?watch=true
	}
	// namespaces/<name>/<resource> is inside a namespace; namespaces/<name> and its own subresources are not.
	if parts[0] == "namespaces" && len(parts) >= 3 && parts[2] != subresourceStatus && parts[2] != subresourceFinalize {
		p.namespace, parts = parts[1], parts[2:]
	}
	p.plural = parts[0]
	if len(parts) > 1 {
		p.name = parts[1]
	}
	if len(parts) > 2 {
		p.sub = parts[2]
	}
	return p, len(parts) <= 3
}

func verbOf(r *http.Request, p path, query url.Values) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		switch {
		case query.Get("watch") == "true" || query.Get("watch") == "1":
			return verbWatch
		case p.name == "":
			return verbList
		}
		return verbGet
	case http.MethodPost:
		return verbCreate
	case http.MethodPut:
		return verbUpdate
	case http.MethodPatch:
		return verbPatch
	case http.MethodDelete:
		if p.name == "" {
			return verbAll
		}
		return verbDelete
	}
	return ""
}

// parseDryRun accepts All, the only value there is.
func parseDryRun(values []string) (bool, error) {
	for _, value := range values {
		if value != metav1.DryRunAll {
			return false, apierrors.NewBadRequest("invalid dryRun value " + value + ": supported is All")
		}
	}
	return len(values) > 0, nil
}

// managerOf returns the field manager: the query's, else the user agent's first word, as the real server does.
func managerOf(query url.Values, agent string) string {
	if manager := query.Get("fieldManager"); manager != "" {
		return manager
	}
	if slash := strings.IndexByte(agent, '/'); slash > 0 {
		return agent[:slash]
	}
	if agent == "" {
		return "unknown"
	}
	return agent
}
