package bed

// The cluster's addresses. The bridge is the bed's own, so its ports need no
// search: whatever listens on gateway is ours.
const (
	bridge      = "kubernaut0"
	gateway     = "10.88.0.1"
	bridgeRange = gateway + "/24"
	podRange    = "10.88.0.0/24"
	// podSpace is wider than what the bridge serves: a stray address of it
	// must meet an unreachable route, not the default one.
	podSpace     = "10.88.0.0/16"
	serviceRange = "10.96.0.0/16"
	firstService = "10.96.0.1"
	dnsService   = "10.96.0.10"
	ingressIP    = "10.96.0.80"
	domain       = "cluster.local"
	nodeName     = "bed"

	portAPI          = 6443
	portKubelet      = 10250
	portDNS          = 53
	portRegistry     = 5000
	portRedis        = 6379
	portPostgres     = 5432
	portAlertmanager = 9093
)
