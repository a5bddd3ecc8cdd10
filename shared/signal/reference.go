package signal

import "strings"

// Labels that name an object together with its kind: those of
// kube-state-metrics for custom resources, and those of Flux.
const (
	labelCustomKind  = "customresource_kind"
	labelCustomGroup = "customresource_group"
	labelKind        = "kind"
	labelName        = "name"
)

// own are labels of well-known tools whose keys are not the singular of the
// kind that they name.
var own = []struct{ label, kind string }{
	{"cnpg_cluster", "Cluster.postgresql.cnpg.io"},
	{"cnpg_io_cluster", "Cluster.postgresql.cnpg.io"},
	{"label_cnpg_io_cluster", "Cluster.postgresql.cnpg.io"},
}

// series are those whose label name is the name of an object of a known kind;
// their alerts are known by their names or by what they query.
var series = []struct{ alerts, queries, kind string }{
	{"CertManagerCert", "certmanager_certificate_", "Certificate.cert-manager.io"},
	{"ArgoCdApp", "argocd_app_info", "Application.argoproj.io"},
	{"ArgoRollout", "rollout_info", "Rollout.argoproj.io"},
}

// references are the objects that the alert names with their kinds, which
// tells more than any label alone.
func (r Rules) references(a Alert) (found []Candidate) {
	namespace := a.Label(LabelNamespace)
	if !ValidNamespace(namespace) {
		namespace = ""
	}
	add := func(c Candidate) {
		if ValidName(c.Name) {
			c.Namespace = namespace
			found = append(found, c)
		}
	}
	name := a.Label(labelName)
	switch kind, group := a.Labels[labelCustomKind], a.Labels[labelCustomGroup]; {
	case validKind(kind) && ValidName(group) && !r.never[labelCustomKind]:
		add(Candidate{Kind: KindName(group, kind), Name: name, Label: labelCustomKind})
	case validKind(a.Label(labelKind)) && !r.never[labelKind]:
		add(Candidate{Word: a.Label(labelKind), Name: name, Label: labelKind})
	}
	for _, o := range own {
		if !r.never[o.label] {
			add(Candidate{Kind: o.kind, Name: a.Labels[o.label], Label: o.label})
		}
	}
	for _, s := range series {
		if name != "" && (strings.HasPrefix(a.Name(), s.alerts) || strings.Contains(a.GeneratorURL, s.queries)) {
			add(Candidate{Kind: s.kind, Name: name, Label: labelName})
		}
	}
	return found
}
