package bed

import (
	"os"
	"path/filepath"
)

// StateVariable names the environment variable that moves the state folder.
const StateVariable = "KUBERNAUT_E2E_STATE"

// defaultState lies below /var/lib, not in a home: PostgreSQL and Redis run
// unprivileged and must be able to walk to their data.
const defaultState = "/var/lib/kubernaut-e2e"

// DefaultState is the state folder: StateVariable where it is set.
func DefaultState() string {
	if dir := os.Getenv(StateVariable); dir != "" {
		return dir
	}
	return defaultState
}

// layout is where things lie in the state folder. Its value is that folder.
type layout string

func (l layout) path(elements ...string) string {
	return filepath.Join(append([]string{string(l)}, elements...)...)
}

func (l layout) record() string     { return l.path("bed.json") }
func (l layout) lock() string       { return l.path("lock") }
func (l layout) processes() string  { return l.path("processes") }
func (l layout) logs() string       { return l.path("logs") }
func (l layout) pki() string        { return l.path("pki") }
func (l layout) etc() string        { return l.path("etc") }
func (l layout) kubeconfig() string { return l.path("kubeconfig") }

// audit is where the API server writes down who changed what.
func (l layout) audit() string       { return l.path("logs", "audit.jsonl") }
func (l layout) auditPolicy() string { return l.path("etc", "audit.yaml") }

func (l layout) log(process string) string { return l.path("logs", process+".log") }

// data is the folder that belongs to one process alone.
func (l layout) data(process string) string { return l.path("data", process) }

// config is the kubeconfig of one component.
func (l layout) config(component string) string {
	return l.path("etc", component+".kubeconfig")
}

func (l layout) containerdSocket() string { return l.path("run", "containerd.sock") }

// make creates the folders that every part expects. All are open to walk
// through and closed to write; secrets lie in files of mode 0600.
func (l layout) make() error {
	for _, dir := range []string{string(l), l.processes(), l.logs(), l.pki(), l.etc(), l.path("data"), l.path("run")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	return nil
}
