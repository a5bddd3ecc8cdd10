package scenario

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"kubernaut.ai/shared/history"
	_ "kubernaut.ai/shared/history/postgres"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/test/e2e/bed"
	"kubernaut.ai/test/e2e/image"
	"kubernaut.ai/test/e2e/platform/manifest"
	"kubernaut.ai/test/e2e/product"
	"kubernaut.ai/test/e2e/toolchain"
)

const (
	// patience bounds the wait for one step of a chain, cold starts on a busy
	// machine and the Broker's longest pauses included.
	patience = 3 * time.Minute
	// pollEvery is how often a wait looks.
	pollEvery = 200 * time.Millisecond
	// openPatience bounds what is done once before all scenarios.
	openPatience = 3 * time.Minute
)

// world is the cluster, and how a scenario looks into it.
type world struct {
	bed     *bed.Bed
	config  *rest.Config
	kube    kubernetes.Interface
	dynamic dynamic.Interface
	cluster *manifest.Cluster
	ledger  *ledger.Ledger
	history history.Store
	// http reaches Services of the cluster by the names that they have there.
	http *http.Client
	// patient is the image of the workload that is made ill, packed its content.
	patient string
	packed  v1.Image
	// programs are the binaries of func and kubectl.
	programs toolchain.Paths
}

var knativeServices = schema.GroupVersionResource{Group: "serving.knative.dev", Version: "v1", Resource: "services"}

// open finds the bed that is up and prepares what all scenarios need of it.
func open(ctx context.Context) (*world, error) {
	ctx, cancel := context.WithTimeout(ctx, openPatience)
	defer cancel()
	b, err := bed.Open("")
	if err != nil {
		return nil, err
	}
	w := &world{bed: b, config: rest.CopyConfig(b.RESTConfig)}
	w.config.QPS = -1
	if w.kube, err = kubernetes.NewForConfig(w.config); err != nil {
		return nil, err
	}
	if w.dynamic, err = dynamic.NewForConfig(w.config); err != nil {
		return nil, err
	}
	if w.cluster, err = manifest.Connect(w.config); err != nil {
		return nil, err
	}
	if w.ledger, err = ledger.Open(b.Redis.URL()); err != nil {
		return nil, err
	}
	if w.history, err = history.Open(b.Postgres.URL()); err != nil {
		return nil, err
	}
	w.http = &http.Client{Transport: &http.Transport{DialContext: w.dial}}
	if w.programs, err = toolchain.Ensure(ctx, toolchain.Options{Log: os.Stderr}, "func", "kubectl"); err != nil {
		return nil, err
	}
	if w.packed, err = packPatient(ctx); err != nil {
		return nil, err
	}
	if w.patient, err = w.push(ctx, "scenario/patient:latest"); err != nil {
		return nil, err
	}
	return w, w.routeAlerts(ctx)
}

// install installs the product as options say; where, and with what, is filled in.
func (w *world) install(ctx context.Context, options product.Options) error {
	options.Kubeconfig, options.Registry, options.InsecureRegistry = w.bed.Kubeconfig, w.bed.Registry+"/functions", true
	options.Platform = bed.Platform
	options.Func, options.Kubectl = w.programs["func"], w.programs["kubectl"]
	options.Redis, options.Postgres = w.bed.Redis.URL(), w.bed.Postgres.URL()
	options.Log = os.Stderr
	return product.Install(ctx, options)
}

// push pushes the patient to the bed's registry under a name, and returns how
// pods refer to it.
func (w *world) push(ctx context.Context, name string) (string, error) {
	reference, _, err := image.Push(ctx, w.packed, w.bed.Registry+"/"+name)
	return reference, err
}

func (w *world) close(ctx context.Context) {
	w.http.CloseIdleConnections()
	if err := errors.Join(w.letIdle(ctx), w.ledger.Close(), w.history.Close()); err != nil {
		fmt.Fprintln(os.Stderr, "scenario: close:", err)
	}
}

// packPatient builds the workload's program and makes an image of it.
func packPatient(ctx context.Context) (v1.Image, error) {
	folder, err := os.MkdirTemp("", "patient-")
	if err != nil {
		return nil, fmt.Errorf("make folder for patient: %w", err)
	}
	defer func() { _ = os.RemoveAll(folder) }()
	_, here, _, _ := runtime.Caller(0)
	binary := filepath.Join(folder, "patient")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "./patient")
	build.Dir = filepath.Dir(here)
	build.Env = append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build patient: %w: %s", err, said)
	}
	return image.Pack(image.Spec{Binary: binary})
}

// until waits for a condition of something that has no way to tell of a change.
// The state is what a failure shows.
func until(t testing.TB, what string, condition func(ctx context.Context) (done bool, state any)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		done, state := condition(ctx)
		if done {
			return
		}
		select {
		case <-ctx.Done():
			require.FailNow(t, "did not happen: "+what, "%+v", state)
		case <-tick.C:
		}
	}
}
