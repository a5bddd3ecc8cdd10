package function

// ownRules are for what Kubernaut says of itself. Whatever is seen of the
// target, nothing is tried: people have to hear of it.
var ownRules = []rule{
	{
		name: "heartbeat is lost", alerts: []string{"KubernautHeartbeatLost"}, when: ownWord,
		because: "Alerts may fire that never reach Kubernaut: see whether Prometheus and Alertmanager run and route Watchdog to it",
		ladder:  []rung{notify}, person: true, confidence: 0.9,
	},
}

// ownSource is what the gateway says of signals of its own; no sender can.
const ownSource = "kubernaut"

// ownWord holds for what Kubernaut itself says: under the same name anybody else
// could keep a workload from being healed.
func ownWord(f facts) (observation, bool) { return observation{}, f.Signal.Source == ownSource }

// platformRules are for alerts about the platform itself, with which nothing
// is tried: what would be tried runs on it.
var platformRules = []rule{
	{
		name:    "control plane is down",
		alerts:  []string{"KubeAPIDown", "KubeSchedulerDown", "KubeControllerManagerDown", "KubeProxyDown", "KubeletDown"},
		because: "The platform that would carry out a remedy is itself in trouble; consider pausing Kubernaut",
		ladder:  []rung{notify}, confidence: 0.8,
	},
	{
		name: "certificate expires",
		alerts: []string{"KubeClientCertificateExpiration", "CertManagerCertExpirySoon", "CertManagerCertNotReady",
			"CertManagerHittingRateLimits", "CertManagerAbsent"},
		because: "Renewing a certificate restarts whatever uses it, which a person must time",
		ladder:  []rung{notify}, confidence: 0.8,
	},
	{
		name: "cluster DNS is down", alerts: []string{"CoreDNSDown"}, because: "Everything in the cluster depends on DNS",
		ladder: []rung{diagnose, notify}, confidence: 0.6,
	},
	{
		name: "etcd is fragmented", alerts: []string{"etcdDatabaseHighFragmentationRatio"},
		because: "Defragmenting etcd stops the member that it works on",
		ladder:  []rung{diagnose, notify}, confidence: 0.6,
	},
	{
		name: "heartbeat", alerts: []string{"Watchdog", "InfoInhibitor"}, because: "This alert says that alerting works, and asks for nothing",
		ladder: []rung{notify}, confidence: minConfidence,
	},
}

// lastRules match whatever no rule above knows.
var lastRules = []rule{
	{
		name: "no rule knows this alert", when: workloadSeen, because: "No rule knows this alert, and nothing seen explains it",
		ladder: []rung{diagnose, notify}, confidence: 0.5,
	},
}
