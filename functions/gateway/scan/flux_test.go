package scan

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/functions/gateway/source"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/stage"
)

const fluxGroup = "kustomize.toolkit.fluxcd.io"

// kustomization is one that says of itself whether it is ready, since a time.
func kustomization(name, ready, reason, since string) string {
	body, _ := json.Marshal(map[string]any{"metadata": map[string]string{"name": name, "namespace": "flux-system"},
		"status": map[string]any{"conditions": []map[string]string{{"type": "Ready", "status": ready, "reason": reason,
			"message": "what happened", "lastTransitionTime": "2026-11-22T" + since + ":00Z"}}}})
	return string(body)
}

// kustomizations are answers of an API server that has these.
func kustomizations(all ...string) map[string]string {
	return map[string]string{
		"/api": `{"kind":"APIVersions","versions":[]}`,
		"/apis": `{"kind":"APIGroupList","groups":[{"name":"` + fluxGroup + `","versions":[{"groupVersion":"` + fluxGroup + `/v1","version":"v1"}],
			"preferredVersion":{"groupVersion":"` + fluxGroup + `/v1","version":"v1"}}]}`,
		"/apis/" + fluxGroup + "/v1":                `{"kind":"APIResourceList","groupVersion":"` + fluxGroup + `/v1","resources":[{"name":"kustomizations","kind":"Kustomization","namespaced":true,"verbs":["list"]}]}`,
		"/apis/" + fluxGroup + "/v1/kustomizations": `{"items":[` + strings.Join(all, ",") + `]}`,
	}
}

// fluxSource is the one that reads what Flux posts.
func fluxSource(t *testing.T) []source.Source {
	t.Helper()
	all, err := source.Open(stage.NewConfig(nil))
	require.NoError(t, err)
	return all
}

// said is what a scan of Flux found: what each object's alert says, by name.
func said(found Found) map[string]string {
	out := map[string]string{}
	for _, b := range found.Batches {
		for _, i := range b.Items {
			word := i.Alert.Name()
			if i.Alert.Resolved {
				word += " is well since " + i.Alert.EndsAt.Format("15:04")
			}
			if i.Telling != source.Stands {
				word += ", by hearsay"
			}
			out[i.Alert.Object.Name] = word
		}
	}
	return out
}

func TestTheScanOfFluxFindsWhatIsNotReady(t *testing.T) {
	answers := kustomizations(kustomization("apps", "False", "BuildFailed", "03:00"), kustomization("busy", "False", "Progressing", "03:00"),
		kustomization("at-work", "Unknown", "Progressing", "03:00"), kustomization("well", "True", "ReconciliationSucceeded", "03:00"))
	_, s := only(t, Options{Flux: true, Sources: fluxSource(t)}, answers)
	found, err := s.Find(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[string]string{"apps": "FluxKustomizationBuildfailed"}, said(found))
	require.Equal(t, "flux-scan", found.Batches[0].Source)
	a := found.Batches[0].Items[0].Alert
	require.Equal(t, time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC), a.StartsAt)
	require.Equal(t, fluxGroup+"/v1", a.Object.APIVersion)
	require.Equal(t, "what happened", a.Annotations["message"])
	require.Nil(t, found.Accepted)
}

func TestTheScanOfFluxTellsOfARecoveryOfWhatWasReportedToFail(t *testing.T) {
	answers := kustomizations(kustomization("apps", "False", "BuildFailed", "03:00"))
	w, s := only(t, Options{Flux: true, Sources: fluxSource(t)}, answers)
	l := w.redis.Ledger(t)
	found, err := s.Find(t.Context())
	require.NoError(t, err)
	id := found.Batches[0].Items[0].Alert.ID
	report := ledger.Report{Alert: id, At: time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC), Silence: time.Hour}
	_, err = l.Report(t.Context(), report)
	require.NoError(t, err)

	list := "/apis/" + fluxGroup + "/v1/kustomizations"
	answers[list] = kustomizations(kustomization("apps", "Unknown", "Progressing", "03:10"))[list]
	found, err = s.Find(t.Context())
	require.NoError(t, err)
	require.Empty(t, said(found), "between two tries nothing is said of it")

	answers[list] = kustomizations(kustomization("apps", "True", "ReconciliationSucceeded", "03:20"), kustomization("well", "True", "ReconciliationSucceeded", "03:20"))[list]
	well := map[string]string{"apps": "FluxKustomizationReconciliationsucceeded is well since 03:20"}
	for range 2 {
		found, err = s.Find(t.Context())
		require.NoError(t, err)
		require.Equal(t, well, said(found), "until it was told")
	}
	report.At, report.Well = time.Date(2026, 11, 22, 3, 20, 0, 0, time.UTC), true
	_, err = l.Report(t.Context(), report)
	require.NoError(t, err)
	found, err = s.Find(t.Context())
	require.NoError(t, err)
	require.Equal(t, well, said(found), "who took it in may have died")
	require.NoError(t, l.ReportTold(t.Context(), id, report.At))
	found, err = s.Find(t.Context())
	require.NoError(t, err)
	require.Empty(t, said(found))

	w.redis.SetError("LOADING")
	_, err = s.Find(t.Context())
	require.Error(t, err)
}

func TestOneFluxObjectThatCannotBeReadHidesNoOther(t *testing.T) {
	reads := &fakeSource{path: fluxPath}
	answers := kustomizations(kustomization("odd", "False", "BuildFailed", "03:00"), kustomization("apps", "False", "BuildFailed", "03:00"))
	list := "/apis/" + fluxGroup + "/v1/kustomizations"
	answers[list] = strings.Replace(answers[list], "what happened", "unreadable", 1)
	_, s := only(t, Options{Flux: true, Sources: []source.Source{reads}}, answers)
	found, err := s.Find(t.Context())
	require.NoError(t, err)
	require.Len(t, found.Batches[0].Items, 1)
	require.Len(t, reads.read, 1)
	require.Equal(t, map[string]any{"apiVersion": fluxGroup + "/v1", "kind": "Kustomization", "namespace": "flux-system", "name": "apps"}, reads.read[0]["involvedObject"])
	require.Equal(t, []any{"error", "BuildFailed", "what happened", "2026-11-22T03:00:00Z"},
		[]any{reads.read[0]["severity"], reads.read[0]["reason"], reads.read[0]["message"], reads.read[0]["timestamp"]})
}
