package event

import (
	"strconv"
	"strings"
	"time"
)

// Context is what the cluster knows about the target at one moment. A part
// that could not be read is named in Unavailable, and its field is empty:
// absent is not the same as none.
type Context struct {
	CollectedAt time.Time `json:"collectedAt"`
	// Target is the workload as enrich found it, with its UID.
	Target Target `json:"target"`
	// Owners is the chain from the alert's resource up to the top owner.
	Owners          []Target          `json:"owners,omitempty"`
	Labels          map[string]string `json:"labels,omitempty"`
	NamespaceLabels map[string]string `json:"namespaceLabels,omitempty"`
	Workload        *Workload         `json:"workload,omitempty"`
	Containers      []Container       `json:"containers,omitempty"`
	Pods            []Pod             `json:"pods,omitempty"`
	Events          []Note            `json:"events,omitempty"`
	Revisions       []Revision        `json:"revisions,omitempty"`
	Autoscaler      *Autoscaler       `json:"autoscaler,omitempty"`
	Budgets         []Budget          `json:"budgets,omitempty"`
	Node            *Node             `json:"node,omitempty"`
	Volume          *Volume           `json:"volume,omitempty"`
	GitOps          *GitOps           `json:"gitOps,omitempty"`
	// Unavailable names the parts that could not be read, and why: the
	// remediation goes on in degraded mode.
	Unavailable []Unavailable `json:"unavailable,omitempty"`
	// Cut names the lists that were shortened, such as "pods: 20 of 500".
	Cut []string `json:"cut,omitempty"`
}

// Workload is a controller's desired and observed state.
type Workload struct {
	Desired            int32       `json:"desired"`
	Ready              int32       `json:"ready"`
	Updated            int32       `json:"updated"`
	Available          int32       `json:"available"`
	Generation         int64       `json:"generation"`
	ObservedGeneration int64       `json:"observedGeneration"`
	Paused             bool        `json:"paused,omitempty"`
	Conditions         []Condition `json:"conditions,omitempty"`
}

// Condition is a Kubernetes status condition.
type Condition struct {
	Type    string `json:"type"`
	Status  string `json:"status"`
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
}

// Container is a container of the pod template: never its environment,
// arguments or volumes. Quantities are in Kubernetes' notation.
type Container struct {
	Name     string            `json:"name"`
	Image    string            `json:"image"`
	Requests map[string]string `json:"requests,omitempty"`
	Limits   map[string]string `json:"limits,omitempty"`
	// Usage is the highest usage over the target's pods, where metrics-server runs.
	Usage map[string]string `json:"usage,omitempty"`
}

// Pod is one pod of the target, the unhealthy ones first.
type Pod struct {
	Name string `json:"name"`
	// Namespace is set where it is not the target's, as for a node's pods.
	Namespace string `json:"namespace,omitempty"`
	UID       string `json:"uid"`
	Node      string `json:"node,omitempty"`
	Phase     string `json:"phase"`
	Ready     bool   `json:"ready"`
	// Owner is the pod's controller, as "ReplicaSet/cart-6d5f"; the ReplicaSet of a
	// Deployment's pod is the revision that made it.
	Owner string `json:"owner,omitempty"`
	// Revision is the name of the ControllerRevision that made a StatefulSet's or
	// DaemonSet's pod, as Revisions has it; empty where the pod does not tell.
	Revision   string           `json:"revision,omitempty"`
	CreatedAt  time.Time        `json:"createdAt"`
	Containers []ContainerState `json:"containers,omitempty"`
}

// Ordinal is the number in the name of a StatefulSet's pod, such as 2 of db-2;
// false where the name does not end in one.
func Ordinal(pod string) (int32, bool) {
	n, err := strconv.ParseInt(pod[strings.LastIndexByte(pod, '-')+1:], 10, 32)
	return int32(n), err == nil
}

// ContainerState is what the kubelet reports of one container.
type ContainerState struct {
	Name     string `json:"name"`
	Ready    bool   `json:"ready"`
	Restarts int32  `json:"restarts"`
	// Waiting is the reason for which the container waits, such as CrashLoopBackOff.
	Waiting string `json:"waiting,omitempty"`
	Message string `json:"message,omitempty"`
	// Last is how the container ended last, now or before its restart.
	Last *Termination `json:"last,omitempty"`
}

// Termination is how a container ended.
type Termination struct {
	Reason     string    `json:"reason,omitempty"`
	ExitCode   int32     `json:"exitCode"`
	Signal     int32     `json:"signal,omitempty"`
	FinishedAt time.Time `json:"finishedAt"`
}

// Note is a Kubernetes event about the target or one of its pods.
type Note struct {
	Type     string    `json:"type"`
	Reason   string    `json:"reason"`
	Message  string    `json:"message,omitempty"`
	Object   string    `json:"object"`
	Count    int32     `json:"count"`
	LastSeen time.Time `json:"lastSeen"`
}

// Revision is one entry of the target's rollout history, the newest first.
type Revision struct {
	Number int64 `json:"number"`
	// Name is the ReplicaSet or ControllerRevision that holds the template.
	Name      string    `json:"name"`
	Images    []string  `json:"images,omitempty"`
	CreatedAt time.Time `json:"createdAt"`
	Current   bool      `json:"current,omitempty"`
	Replicas  int32     `json:"replicas"`
	Ready     int32     `json:"ready"`
}

// Autoscaler is the HorizontalPodAutoscaler that is, or scales, the target.
type Autoscaler struct {
	Name       string      `json:"name"`
	Scales     Target      `json:"scales"`
	Min        int32       `json:"min"`
	Max        int32       `json:"max"`
	Current    int32       `json:"current"`
	Desired    int32       `json:"desired"`
	Conditions []Condition `json:"conditions,omitempty"`
}

// Budget is a PodDisruptionBudget that selects the target's pods.
type Budget struct {
	Name               string `json:"name"`
	DisruptionsAllowed int32  `json:"disruptionsAllowed"`
	Healthy            int32  `json:"healthy"`
	DesiredHealthy     int32  `json:"desiredHealthy"`
}

// Node is the node that is the target, or that the alert's pod runs on.
type Node struct {
	Name          string      `json:"name"`
	Ready         bool        `json:"ready"`
	Unschedulable bool        `json:"unschedulable,omitempty"`
	Conditions    []Condition `json:"conditions,omitempty"`
	Taints        []string    `json:"taints,omitempty"`
	// OtherSchedulable counts the other nodes that are ready and schedulable; it is
	// counted only where the node is the target.
	OtherSchedulable int `json:"otherSchedulable,omitempty"`
}

// Volume is the PersistentVolumeClaim that is the target. Quantities are in
// Kubernetes' notation.
type Volume struct {
	Phase     string `json:"phase"`
	Class     string `json:"class,omitempty"`
	Requested string `json:"requested,omitempty"`
	Capacity  string `json:"capacity,omitempty"`
	// Name is the PersistentVolume that the claim is bound to.
	Name string `json:"name,omitempty"`
}

// GitOps tells who else owns the target's spec.
type GitOps struct {
	// Tool is flux-kustomize, flux-helm or argocd.
	Tool string `json:"tool"`
	Name string `json:"name"`
}

// Unavailable is a part of the context that could not be read.
type Unavailable struct {
	Part   string `json:"part"`
	Reason string `json:"reason"`
}

// Classification is what policy says a signal is worth.
type Classification struct {
	// Severity is critical, high, medium, low or unknown.
	Severity string `json:"severity"`
	// Priority is P0 to P3.
	Priority string `json:"priority"`
	// Environment is production, staging, development, test or unknown.
	Environment string `json:"environment"`
	// SignalMode is reactive or proactive.
	SignalMode string `json:"signalMode"`
	// Reasons say which rule decided each of them.
	Reasons []string `json:"reasons,omitempty"`
	// Policy is the digest of the policy that decided.
	Policy string `json:"policy"`
}

// Attributes are the filterable extensions that a classification decides.
func (c Classification) Attributes() map[string]string {
	return map[string]string{"severity": c.Severity, "priority": c.Priority,
		"environment": c.Environment, "signalmode": c.SignalMode}
}
