package action

// Verbs that most rules share.
var (
	read  = []string{"get", "list"}
	patch = []string{"get", "patch"}
)

// quantity is the schema of an absolute Kubernetes quantity.
const quantity = `{"type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$", "maxLength": 24}`

var catalogue = []Action{
	{
		Name: ScaleDeployment, Summary: "Sets the replicas of a Deployment.",
		Targets: []string{"Deployment"}, Risk: RiskMedium, Reversible: true, ChangesSpec: true, ChangesCluster: true,
		Rules: []Rule{{Group: "apps", Resources: []string{"deployments"}, Verbs: patch},
			{Group: "autoscaling", Resources: []string{"horizontalpodautoscalers"}, Verbs: read}},
		schema: newSchema(`{"replicas": {"type": "integer", "minimum": 0, "maximum": 1000}}`, "replicas"),
	},
	{
		Name: ScaleStatefulSet, Summary: "Sets the replicas of a StatefulSet, in order.",
		Targets: []string{"StatefulSet"}, Risk: RiskHigh, Reversible: true, ChangesSpec: true, ChangesCluster: true,
		Rules: []Rule{{Group: "apps", Resources: []string{"statefulsets"}, Verbs: patch},
			{Group: "autoscaling", Resources: []string{"horizontalpodautoscalers"}, Verbs: read}},
		schema: newSchema(`{"replicas": {"type": "integer", "minimum": 0, "maximum": 1000}}`, "replicas"),
	},
	{
		Name: IncreaseResources, Summary: "Raises a container's requests and limits.",
		Targets: []string{"Deployment", "StatefulSet", "DaemonSet"}, Risk: RiskMedium, Reversible: true, ChangesSpec: true, ChangesCluster: true,
		Rules: []Rule{{Group: "apps", Resources: []string{"deployments", "statefulsets", "daemonsets"}, Verbs: patch},
			{Resources: []string{"pods", "limitranges", "resourcequotas"}, Verbs: read}},
		schema: newSchema(`{"container": {"type": "string", "minLength": 1, "maxLength": 253},
			"cpu": ` + quantity + `, "memory": ` + quantity + `,
			"factor": {"type": "number", "exclusiveMinimum": 1, "maximum": 4}}`),
	},
	{
		Name: UpdateHPA, Summary: "Moves the bounds of a HorizontalPodAutoscaler.",
		Targets: []string{"HorizontalPodAutoscaler"}, Risk: RiskLow, Reversible: true, ChangesSpec: true, ChangesCluster: true,
		Rules: []Rule{{Group: "autoscaling", Resources: []string{"horizontalpodautoscalers"}, Verbs: patch}},
		schema: newSchema(`{"minReplicas": {"type": "integer", "minimum": 1, "maximum": 1000},
			"maxReplicas": {"type": "integer", "minimum": 1, "maximum": 1000}}`),
	},
	{
		Name: RestartPod, Summary: "Evicts a pod, or a workload's unhealthy pods, for their owner to replace.",
		Targets: []string{"Pod", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"}, Risk: RiskLow, ChangesCluster: true,
		Rules: []Rule{{Resources: []string{"pods"}, Verbs: read}, {Resources: []string{"pods/eviction"}, Verbs: []string{"create"}},
			{Group: "apps", Resources: []string{"deployments", "statefulsets", "daemonsets", "replicasets"}, Verbs: read}},
		schema: newSchema(`{"grace": {"type": "integer", "minimum": 0, "maximum": 600}}`),
	},
	{
		Name: RollbackDeployment, Summary: "Brings back a former revision's pod template.",
		Targets: []string{"Deployment", "StatefulSet", "DaemonSet"}, Risk: RiskMedium, Reversible: true, ChangesSpec: true, ChangesCluster: true,
		Rules: []Rule{{Group: "apps", Resources: []string{"deployments", "statefulsets", "daemonsets"}, Verbs: patch},
			{Group: "apps", Resources: []string{"replicasets", "controllerrevisions"}, Verbs: read}},
		schema: newSchema(`{"revision": {"type": "integer", "minimum": 1}}`),
	},
	{
		Name: CordonNode, Summary: "Keeps new pods off a node.",
		Targets: []string{"Node"}, Risk: RiskMedium, Reversible: true, ChangesCluster: true,
		Rules:  []Rule{{Resources: []string{"nodes"}, Verbs: []string{"get", "list", "patch"}}},
		schema: newSchema(`{}`),
	},
	{
		Name: CollectDiagnostics, Summary: "Gathers events, logs and conditions as evidence.",
		Targets: []string{"*"}, Risk: RiskNone,
		Rules: []Rule{{Resources: []string{"pods", "pods/log", "events", "nodes"}, Verbs: read},
			{Group: "apps", Resources: []string{"deployments", "statefulsets", "daemonsets", "replicasets"}, Verbs: read}},
		schema: newSchema(`{}`),
	},
	{
		Name: NotifyOnly, Summary: "Says what was found, and changes nothing.",
		Targets: []string{"*"}, Risk: RiskNone,
		schema: newSchema(`{}`),
	},
}
