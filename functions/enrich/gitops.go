package function

import (
	"strings"

	"kubernaut.ai/shared/event"
)

// Marks of the tools that own a spec.
const (
	labelFluxKustomize   = "kustomize.toolkit.fluxcd.io/name"
	labelFluxHelm        = "helm.toolkit.fluxcd.io/name"
	labelInstance        = "app.kubernetes.io/instance"
	annotationArgoTracks = "argocd.argoproj.io/tracking-id"
)

// The tools, as event.GitOps names them.
const (
	toolFluxKustomize = "flux-kustomize"
	toolFluxHelm      = "flux-helm"
	toolArgoCD        = "argocd"
)

// gitOps tells who else owns the spec; nil when nobody is known to. Argo CD's
// annotation is enough: where it tracks by annotation alone, the instance
// label is the user's and may be absent or name something else.
func gitOps(labels, annotations map[string]string) *event.GitOps {
	if name := labels[labelFluxKustomize]; name != "" {
		return &event.GitOps{Tool: toolFluxKustomize, Name: name}
	}
	if name := labels[labelFluxHelm]; name != "" {
		return &event.GitOps{Tool: toolFluxHelm, Name: name}
	}
	tracking := annotations[annotationArgoTracks]
	if tracking == "" {
		return nil
	}
	if name, _, ok := strings.Cut(tracking, ":"); ok && name != "" {
		return &event.GitOps{Tool: toolArgoCD, Name: event.Cut(name, event.MaxAttribute)}
	}
	return &event.GitOps{Tool: toolArgoCD, Name: labels[labelInstance]}
}
