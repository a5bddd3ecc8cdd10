package function

import (
	"context"
	"errors"

	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/history"
	"kubernaut.ai/shared/stage"

	// The stores that this stage can read.
	_ "kubernaut.ai/shared/history/postgres"
	_ "kubernaut.ai/shared/history/sqlite"
)

// New makes the stage.
func New() *stage.Function {
	return stage.New(event.StageAssess, open, stage.NeedsLedger(), stage.NeedsSink())
}

func open(_ context.Context, rt *stage.Runtime) (stage.Routes, error) {
	clients, err := cluster.Connect(cluster.Options{Kubeconfig: rt.Config.String(stage.EnvKubeconfig, ""),
		Context: rt.Config.String(stage.EnvKubeContext, ""), Stage: event.StageAssess})
	if err != nil {
		return nil, err
	}
	settings := settingsOf(rt.Config)
	look := eyes{cluster: clusterEyes{clients.Kube}, alerts: rt.Ledger, now: rt.Now, settle: settings.SettleWindow}
	a := &assessor{book: rt.Ledger, herald: rt, verify: rt.Keys.Verify, settings: settings, now: rt.Now}
	err = errors.Join(ask(rt.Config, &look), remember(rt, a))
	a.witness = look
	return a.routes(), err
}

func (a *assessor) routes() stage.Routes {
	return stage.Routes{
		event.Ping:                a.ping,
		event.RemediationExecuted: stage.On(a.executed),
		event.SignalResolved:      stage.On(a.resolved),
	}
}

// ask connects what is configured beside the cluster.
func ask(c *stage.Config, look *eyes) error {
	am, err1 := serviceAt(EnvAlertmanager, c.String(EnvAlertmanager, ""))
	if am != nil {
		look.alertmanager = alertmanager{am}
	}
	prom, err2 := serviceAt(EnvPrometheus, c.String(EnvPrometheus, ""))
	if prom != nil {
		look.prometheus = prometheus{prom}
	}
	return errors.Join(err1, err2)
}

// remember opens history for the sweep, where it is configured. Without it
// the sweep rests on Redis alone.
func remember(rt *stage.Runtime, a *assessor) error {
	url := rt.Config.String(stage.EnvHistory, "")
	if url == "" {
		return nil
	}
	store, err := history.OpenReader(url)
	if err != nil {
		return err
	}
	rt.OnStop(store.Close)
	a.past = store
	return nil
}
