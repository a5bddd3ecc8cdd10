package function

import (
	"testing"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
)

func TestWhoOwnsTheSpec(t *testing.T) {
	type m = map[string]string
	tests := []struct {
		name                string
		labels, annotations m
		want                *event.GitOps
	}{
		{"nobody, without marks", m{"app": "cart"}, nil, nil},
		{"a Flux Kustomization, by its label", m{labelFluxKustomize: "apps"}, nil, &event.GitOps{Tool: "flux-kustomize", Name: "apps"}},
		{"a Flux HelmRelease, by its label", m{labelFluxHelm: "cart"}, nil, &event.GitOps{Tool: "flux-helm", Name: "cart"}},
		{"an Argo CD Application, by label and tracking id", m{labelInstance: "shop"}, m{annotationArgoTracks: "shop:apps/Deployment:shop/cart"}, &event.GitOps{Tool: "argocd", Name: "shop"}},
		{"an Argo CD Application, by tracking id alone", nil, m{annotationArgoTracks: "shop:apps/Deployment:shop/cart"}, &event.GitOps{Tool: "argocd", Name: "shop"}},
		{"an Argo CD Application whose tracking id is odd, by its label", m{labelInstance: "shop"}, m{annotationArgoTracks: "?"}, &event.GitOps{Tool: "argocd", Name: "shop"}},
		{"nobody, by the instance label alone, which Helm sets too", m{labelInstance: "shop"}, nil, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { require.Equal(t, test.want, gitOps(test.labels, test.annotations)) })
	}
}
