package function

import (
	"context"
	"errors"
	"net/http"
	"os/user"

	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/stage"
)

// Settings of this stage.
const (
	// envAuth says who vouches for a person: "cluster", or "local" for the
	// loopback interface of one's own machine. Unset means cluster.
	envAuth = "APPROVE_AUTH"
	// envApprover names the person where APPROVE_AUTH is local.
	envApprover = "APPROVER"
	// envAudience is the audience that bearer tokens must be for; unset takes
	// tokens for the API server itself.
	envAudience = "APPROVE_AUDIENCE"
)

const (
	authCluster = "cluster"
	authLocal   = "local"
)

// New makes the stage. It does no I/O and cannot fail.
func New() *stage.HTTPFunction {
	return stage.NewHTTP(event.StageApprove, open, stage.NeedsLedger(), stage.NeedsSink())
}

func open(_ context.Context, rt *stage.Runtime) (http.Handler, error) {
	guard, err := openGuard(rt.Config)
	if err != nil {
		return nil, err
	}
	store, err := openHistory(rt)
	if err != nil {
		return nil, err
	}
	desk := &desk{book: ledgerBook{rt.Ledger}, press: runtimePress{rt}, keys: rt.Keys, now: rt.Now}
	d := door{guard: guard, desk: desk, pauses: rt.Ledger, claims: rt.Ledger, letters: rt.Ledger, reads: make(chan struct{}, readsAtOnce), drop: rt.Drop}
	if store != nil {
		desk.chronicle, d.past = store, store
	}
	return newHandler(d), nil
}

// openGuard fails closed: whatever is not exactly "local" is the cluster.
func openGuard(c *stage.Config) (Authenticator, error) {
	if c.String(envAuth, authCluster) == authLocal {
		name := c.String(envApprover, "")
		if name == "" {
			name = osUser()
		}
		if name == "" {
			return nil, errors.New("setting " + envApprover + " is missing: the operating system names no user")
		}
		return loopback{name: name}, nil
	}
	clients, err := cluster.Connect(cluster.Options{Kubeconfig: c.String(stage.EnvKubeconfig, ""), Context: c.String(stage.EnvKubeContext, ""), Stage: event.StageApprove})
	if err != nil {
		return nil, err
	}
	return reviewer{clients.Reviewer(c.String(envAudience, ""))}, nil
}

func osUser() string {
	u, err := user.Current()
	if err != nil {
		return ""
	}
	return u.Username
}
