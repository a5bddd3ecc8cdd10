package scan

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"

	"kubernaut.ai/functions/gateway/source"
	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/ledger/ledgertest"
	"kubernaut.ai/shared/signal"
)

// fakeSource keeps what it is given to read, and makes one alert of it.
type fakeSource struct {
	source.Source
	path string
	read []map[string]any
}

func (f *fakeSource) Name() string    { return "fake" }
func (f *fakeSource) Paths() []string { return []string{f.path} }

func (f *fakeSource) Read(r source.Request) (source.Batch, error) {
	var in map[string]any
	if err := json.Unmarshal(r.Body, &in); err != nil {
		return source.Batch{}, err
	}
	if in["message"] == "unreadable" {
		return source.Batch{}, errors.New("unreadable")
	}
	f.read = append(f.read, in)
	return source.Batch{Items: []source.Item{{Alert: signal.Alert{ID: "a1", Labels: map[string]string{"alertname": "A"}, StartsAt: r.Now}}}}, nil
}

// now is when all scans are made.
var now = time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC)

// world is what scans look at and remember.
type world struct {
	redis   ledgertest.Embedded
	dropped []string
	// said is dropped, with the details.
	said []string
}

func (w *world) drop(_ context.Context, reason, detail string) {
	w.dropped, w.said = append(w.dropped, reason), append(w.said, reason+" "+detail)
}

// open opens the scans that the options turn on, over an API server that
// answers from a table.
func open(t *testing.T, o Options, answers map[string]string) (*world, []Scan, error) {
	t.Helper()
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		body, ok := answers[r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			body = `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`
		}
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(api.Close)
	clients, err := cluster.ForConfig(&rest.Config{Host: api.URL}, "gateway")
	require.NoError(t, err)
	w := &world{redis: ledgertest.Miniredis(t)}
	l := w.redis.Ledger(t)
	o.Cluster, o.Marks, o.Failures, o.Drop, o.Now = clients, l, l, w.drop, func() time.Time { return now }
	if o.EventMaxAge == 0 {
		o.EventMaxAge = source.DefaultEventMaxAge
	}
	scans, err := Open(o)
	return w, scans, err
}

// only opens the one scan that is turned on.
func only(t *testing.T, o Options, answers map[string]string) (*world, Scan) {
	t.Helper()
	w, scans, err := open(t, o, answers)
	require.NoError(t, err)
	require.Len(t, scans, 1)
	return w, scans[0]
}

func TestScansAreOffUnlessTheyAreTurnedOn(t *testing.T) {
	_, scans, err := open(t, Options{}, nil)
	require.NoError(t, err)
	require.Empty(t, scans)
	_, _, err = open(t, Options{Events: true, Flux: true, Receiver: "kubernaut", Alertmanager: "alertmanager:9093"}, nil)
	for _, setting := range []string{"SCAN_EVENTS", "SCAN_FLUX", "SCAN_ALERTMANAGER", "ALERTMANAGER_URL"} {
		require.ErrorContains(t, err, setting)
	}
	_, _, err = open(t, Options{Receiver: "kubernaut"}, nil)
	require.ErrorContains(t, err, "ALERTMANAGER_URL")
	_, scans, err = open(t, Options{Alertmanager: "http://alertmanager:9093"}, nil)
	require.NoError(t, err)
	require.Empty(t, scans, "assess may ask it; that does not open remediations for whatever fires")
}

// TestAStormIsTakenInPartAndTheRestCounted has an Alertmanager with three times
// the alerts that a round takes, each with as many labels as usual.
func TestAStormIsTakenInPartAndTheRestCounted(t *testing.T) {
	const storm = 6000
	var labels strings.Builder
	for i := range 20 {
		fmt.Fprintf(&labels, `,"label%d":"value"`, i)
	}
	var answer strings.Builder
	for i := range storm {
		fmt.Fprintf(&answer, `,{"annotations":{"summary":"s"},"fingerprint":"%016x","receivers":[{"name":"kubernaut"}],"startsAt":"2026-11-22T03:40:00Z",
"status":{"inhibitedBy":[],"silencedBy":[],"state":"active"},"labels":{"alertname":"KubePodCrashLooping","namespace":"shop","pod":"cart-%d"%s}}`, i, i, labels.String())
	}
	am := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "["+answer.String()[1:]+"]")
	}))
	t.Cleanup(am.Close)
	w, one := only(t, Options{Receiver: "kubernaut", Alertmanager: am.URL}, nil)
	found, err := one.Find(t.Context())
	require.NoError(t, err)
	taken := 0
	for _, b := range found.Batches {
		taken += len(b.Items)
	}
	require.Equal(t, source.MaxAlerts, taken)
	require.Equal(t, []string{ReasonCut + " Alertmanager: 2000 of 6000 alerts that fire are read"}, w.said)
}
