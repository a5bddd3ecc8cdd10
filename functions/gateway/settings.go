package function

import (
	"fmt"
	"strings"
	"time"

	"kubernaut.ai/functions/gateway/caller"
	"kubernaut.ai/functions/gateway/scan"
	"kubernaut.ai/functions/gateway/source"
	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/signal"
	"kubernaut.ai/shared/stage"
)

// Settings of what signals are about, and of what happens over time.
const (
	// EnvClusterName is this cluster's name, as alerts' cluster label has it.
	EnvClusterName = "CLUSTER_NAME"
	// Each of these lists is added to its defaults, and takes away the defaults
	// that it names with a minus in front; see signal.Filters.
	EnvNeverTargets       = "NEVER_TARGETS"
	EnvMonitoringServices = "MONITORING_SERVICES"
	EnvMonitoringPods     = "MONITORING_PODS"
	// EnvHeartbeatWithin is how long no Watchdog may come before people are told;
	// unset watches over none.
	EnvHeartbeatWithin = "HEARTBEAT_WITHIN"
	// EnvHeartbeatTarget is what its loss is about, as namespace/Kind/name; unset
	// is the namespace that the gateway runs in.
	EnvHeartbeatTarget = "HEARTBEAT_TARGET"
	// EnvScanEvents looks through the cluster's Warning events on each round.
	EnvScanEvents = "SCAN_EVENTS"
	// EnvScanFlux looks for Flux objects that are not ready on each round.
	EnvScanFlux = "SCAN_FLUX"
	// EnvScanAlertmanager is the receiver, as Alertmanager's configuration names
	// it, whose firing alerts are looked for on each round; unset looks for none.
	EnvScanAlertmanager = "SCAN_ALERTMANAGER"
	// EnvAlertmanager is the URL of the Alertmanager that is asked for them. It is
	// assess' setting, too, and alone makes the gateway ask nobody.
	EnvAlertmanager = "ALERTMANAGER_URL"
)

// Settings of who may post; the package caller says what they mean.
const (
	// EnvAuth lists the kinds of credential in use, separated by commas. There is
	// no default.
	EnvAuth = "GATEWAY_AUTH"
	// EnvAuthDir is the folder of the files of credentials.
	EnvAuthDir = "GATEWAY_AUTH_DIR"
	// EnvAudience is the audience that ServiceAccounts' tokens must be for; unset
	// takes tokens for the API server itself.
	EnvAudience = "GATEWAY_AUDIENCE"
	// EnvClients lists the names of client certificates that may post.
	EnvClients = "GATEWAY_CLIENTS"
	// EnvClientHeader is where an ingress forwards client certificates.
	EnvClientHeader = "GATEWAY_CLIENT_HEADER"
	// EnvHMACWindow is how old a signed body may be.
	EnvHMACWindow = "GATEWAY_HMAC_WINDOW"
	// EnvOpenPaths lists paths that need no credential from the cluster's network.
	EnvOpenPaths = "GATEWAY_OPEN_PATHS"
)

// Settings of how much one instance takes.
const (
	EnvMaxBody     = "GATEWAY_MAX_BODY"
	EnvMaxHeld     = "GATEWAY_MAX_HELD"
	EnvMaxRequests = "GATEWAY_MAX_REQUESTS"
	EnvMaxAlerts   = "GATEWAY_MAX_ALERTS"
	EnvMaxLabels   = "GATEWAY_MAX_LABELS"
	EnvReadWithin  = "GATEWAY_READ_WITHIN"
)

// Defaults of how much one instance takes.
const (
	// MaxBody bounds one request, in bytes. Groups of Alertmanager can be large.
	MaxBody = 4 << 20
	// MaxHeld bounds the bodies of all requests together, in bytes: what is read
	// and what is worked on. What is understood of them takes about as much again.
	MaxHeld = 24 << 20
	// MaxRequests bounds the requests that are worked on at a time. More are told
	// to come again.
	MaxRequests = 128
	// ReadWithin is how long a body may take to arrive.
	ReadWithin = 10 * time.Second
)

// limits are how much one instance takes.
type limits struct {
	body, held, requests int
	alerts, labels       int
	readWithin           time.Duration
}

func defaultLimits() limits {
	return limits{body: MaxBody, held: MaxHeld, requests: MaxRequests, alerts: source.MaxAlerts, labels: source.MaxLabels, readWithin: ReadWithin}
}

// openLimits reads them. Alerts and labels can only be lowered: what sources
// understand is bounded too.
func openLimits(c *stage.Config) (limits, error) {
	l := defaultLimits()
	for name, value := range map[string]*int{EnvMaxBody: &l.body, EnvMaxHeld: &l.held, EnvMaxRequests: &l.requests,
		EnvMaxAlerts: &l.alerts, EnvMaxLabels: &l.labels} {
		if *value = c.Int(name, *value); *value == 0 {
			return l, fmt.Errorf("setting %s: 0 would refuse everything; leave it empty for the default", name)
		}
	}
	l.readWithin = c.Duration(EnvReadWithin, l.readWithin)
	switch {
	case l.alerts > source.MaxAlerts:
		return l, fmt.Errorf("setting %s: at most %d", EnvMaxAlerts, source.MaxAlerts)
	case l.labels > source.MaxLabels:
		return l, fmt.Errorf("setting %s: at most %d", EnvMaxLabels, source.MaxLabels)
	case l.held < unprovenShare*l.body:
		return l, fmt.Errorf("setting %s: must be %d times %s, so that one body of a signer fits", EnvMaxHeld, unprovenShare, EnvMaxBody)
	}
	return l, nil
}

// filters reads what never is a target.
func filters(c *stage.Config) signal.Filters {
	return signal.Filters{NeverTargets: list(c, EnvNeverTargets), MonitoringServices: list(c, EnvMonitoringServices),
		MonitoringPods: list(c, EnvMonitoringPods)}
}

// openGuard reads who may post.
func openGuard(rt *stage.Runtime, clients *cluster.Clients, objects locator) (*caller.Guard, error) {
	c := rt.Config
	return caller.New(caller.Options{
		Kinds: list(c, EnvAuth), Dir: c.String(EnvAuthDir, ""), Clients: list(c, EnvClients),
		ClientHeader: c.String(EnvClientHeader, ""), OpenPaths: append(list(c, EnvOpenPaths), roundPath),
		Local:    onlyLocal(objects, rt.Namespace, c.String(envService, "")),
		Window:   c.Duration(EnvHMACWindow, caller.DefaultWindow),
		Reviewer: clients.Reviewer(c.String(EnvAudience, "")), Namespace: rt.Namespace,
		Inbox: rt.Ledger, Now: rt.Now,
	})
}

// openScans reads what rounds look for.
func openScans(rt *stage.Runtime, clients scan.Cluster, sources []source.Source) ([]scan.Scan, error) {
	c := rt.Config
	return scan.Open(scan.Options{
		Events: c.Bool(EnvScanEvents, false), Flux: c.Bool(EnvScanFlux, false),
		Receiver: c.String(EnvScanAlertmanager, ""), Alertmanager: c.String(EnvAlertmanager, ""),
		EventMaxAge: c.Duration(source.EnvEventMaxAge, source.DefaultEventMaxAge),
		Sources:     sources, Cluster: clients, Marks: rt.Ledger, Failures: rt.Ledger, Now: rt.Now, Drop: rt.Drop,
	})
}

// list reads a setting of names that are separated by commas.
func list(c *stage.Config, name string) []string {
	var out []string
	for entry := range strings.SplitSeq(c.String(name, ""), ",") {
		if entry = strings.TrimSpace(entry); entry != "" {
			out = append(out, entry)
		}
	}
	return out
}
