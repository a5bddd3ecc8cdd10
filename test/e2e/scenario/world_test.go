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
	"k8s.io/client-go/tools/clientcmd"

	"kubernaut.ai/shared/history"
	_ "kubernaut.ai/shared/history/postgres"
	"kubernaut.ai/shared/ledger"
	"kubernaut.ai/shared/signal/alertmanagertest"
	"kubernaut.ai/test/e2e/bed"
	"kubernaut.ai/test/e2e/image"
	"kubernaut.ai/test/e2e/platform/manifest"
	"kubernaut.ai/test/e2e/product"
	"kubernaut.ai/test/e2e/toolchain"
)

const (
	// patience bounds the wait for one step of a chain, cold starts on a busy
	// machine and the Broker's longest pauses included.
	patience = 5 * time.Minute
	// pollEvery is how often a wait looks.
	pollEvery = 200 * time.Millisecond
	// openPatience bounds what is done once before all scenarios.
	openPatience = 3 * time.Minute
)

// errImpatient ends a wait.
var errImpatient = fmt.Errorf("not within %s", patience)

// world is the cluster, and how a scenario looks into it.
type world struct {
	// bed is the machine's part in it; nil on a cluster that runs elsewhere.
	bed *bed.Bed
	// site is where the cluster and its stores are, for installing on it.
	site    product.Options
	config  *rest.Config
	kube    kubernetes.Interface
	dynamic dynamic.Interface
	cluster *manifest.Cluster
	ledger  *ledger.Ledger
	history history.Store
	sender  alertmanager
	// end ends what the scenarios started for themselves; nil is nothing.
	end func() error
	// http reaches Services of the cluster by the names that they have there,
	// through forwards where the cluster runs elsewhere, and the gateway with the
	// credential of a sender.
	http     *http.Client
	forwards *forwards
	// credential is what a sender shows the gateway.
	credential string
	// patient is the image of the workload that is made ill, packed its content.
	patient string
	packed  v1.Image
	// programs are the binaries of func and kubectl.
	programs toolchain.Paths
}

var (
	knativeServices  = schema.GroupVersionResource{Group: "serving.knative.dev", Version: "v1", Resource: "services"}
	knativeRevisions = schema.GroupVersionResource{Group: "serving.knative.dev", Version: "v1", Resource: "revisions"}
)

// alertmanager is a real one: the bed's, or a process of the scenarios' own.
type alertmanager interface {
	URL() string
	Configure(ctx context.Context, config string) error
}

// openBed finds the bed that is up.
func openBed() (*world, error) {
	b, err := bed.Open("")
	if err != nil {
		return nil, err
	}
	return &world{bed: b, site: product.OnBed(b), sender: b.Alertmanager}, nil
}

// openOwn finds the cluster of a kubeconfig, and starts what it has not.
func openOwn(ctx context.Context, kubeconfig string) (*world, error) {
	site, err := product.OnOwn(kubeconfig)
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "alertmanager-")
	if err != nil {
		return nil, fmt.Errorf("make folder for Alertmanager: %w", err)
	}
	// Whom it tells is said when the way to the gateway is known.
	sender, err := alertmanagertest.Start(ctx, folder, alertmanagertest.Telling(gatewayURL))
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	return &world{site: site, sender: sender, end: func() error { return errors.Join(sender.Stop(), os.RemoveAll(folder)) }}, nil
}

// open prepares what all scenarios need of the cluster.
func (w *world) open(ctx context.Context) (err error) {
	if w.config, err = clientcmd.BuildConfigFromFlags("", w.site.Kubeconfig); err != nil {
		return err
	}
	w.config.QPS = -1
	if w.kube, err = kubernetes.NewForConfig(w.config); err != nil {
		return err
	}
	if w.dynamic, err = dynamic.NewForConfig(w.config); err != nil {
		return err
	}
	if w.cluster, err = manifest.Connect(w.config); err != nil {
		return err
	}
	if w.ledger, err = ledger.Open(w.site.Redis); err != nil {
		return err
	}
	if w.history, err = history.Open(w.site.Postgres); err != nil {
		return err
	}
	if w.bed == nil {
		w.forwards = newForwards(w.config, w.kube)
	}
	if w.credential, err = w.sendersToken(ctx); err != nil {
		return err
	}
	w.http = &http.Client{Transport: asSender{&http.Transport{DialContext: w.dial, MaxIdleConnsPerHost: loadClients}, w.credential}}
	if w.programs, err = toolchain.Ensure(ctx, toolchain.Options{Log: os.Stderr}, "func", "kubectl"); err != nil {
		return err
	}
	if w.packed, err = packPatient(ctx); err != nil {
		return err
	}
	if w.patient, err = w.push(ctx, w.site.Registry+"/patient:latest"); err != nil {
		return err
	}
	return w.routeAlerts(ctx)
}

// install installs the product as options say; where, and with what, is filled in.
func (w *world) install(ctx context.Context, options product.Options) error {
	site := w.site
	site.Root, site.Functions = options.Root, options.Functions
	site.Func, site.Kubectl, site.Log = w.programs["func"], w.programs["kubectl"], os.Stderr
	return product.Install(ctx, site)
}

// push pushes the patient to a registry's repository, and returns how pods refer
// to it.
func (w *world) push(ctx context.Context, name string) (string, error) {
	reference, _, err := image.Push(ctx, w.packed, name)
	return reference, err
}

func (w *world) close(ctx context.Context) {
	w.http.CloseIdleConnections()
	failed := []error{w.ledger.Close(), w.history.Close()}
	if w.bed != nil {
		failed = append(failed, w.letIdle(ctx))
	}
	if w.end != nil {
		w.forwards.close()
		failed = append(failed, w.end())
	}
	if err := errors.Join(failed...); err != nil {
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
	ctx, stop := during(t)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errImpatient)
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
			require.FailNow(t, "did not happen: "+what, "%v: %+v", context.Cause(ctx), state)
		case <-tick.C:
		}
	}
}
