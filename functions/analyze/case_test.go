package function

import (
	"time"

	"kubernaut.ai/shared/event"
)

// start is when the alerts of these tests began to fire.
var start = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

func ago(d time.Duration) time.Time { return start.Add(-d) }

func target(kind, name string) event.Target {
	t := event.Target{Kind: kind, Namespace: "shop", Name: name, UID: "uid-of-" + name}
	switch kind {
	case "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet":
		t.APIVersion = "apps/v1"
	case "Node":
		t.APIVersion, t.Namespace = "v1", ""
	}
	return t
}

// option changes a case.
type option func(*Case)

// alert is a case in which nothing but the alert and its target is known.
func alert(name string, t event.Target, options ...option) Case {
	unseen := t
	unseen.UID = ""
	c := Case{Remediation: "5f0c-1",
		Signal:  event.Signal{Name: name, Source: "prometheus", Severity: "medium", Target: unseen, Resource: unseen, StartsAt: start},
		Context: event.Context{CollectedAt: start.Add(time.Minute), Target: t}}
	for _, o := range options {
		o(&c)
	}
	return c
}

// ours makes it a signal of Kubernaut's own.
func ours(c *Case) { c.Signal.Source = ownSource }

func container(name string) option { return func(c *Case) { c.Signal.Container = name } }

// workload sets desired and ready replicas, and one container with a limit of
// 128Mi and 200m.
func workload(desired, ready int32) option {
	return func(c *Case) {
		c.Context.Workload = &event.Workload{Desired: desired, Ready: ready, Updated: desired}
		c.Context.Containers = []event.Container{{Name: "app", Image: "shop/cart:2", Limits: map[string]string{"memory": "128Mi", "cpu": "200m"}}}
	}
}

func limits(l map[string]string) option {
	return func(c *Case) { c.Context.Containers = []event.Container{{Name: "app", Limits: l}} }
}

// pod adds a pod whose container app has this state. Its owner is written as enrich
// writes it, as "ReplicaSet/cart-new".
func pod(name, owner string, s event.ContainerState) option {
	return func(c *Case) {
		s.Name = "app"
		c.Context.Pods = append(c.Context.Pods, event.Pod{Name: name, UID: "uid-of-" + name, Node: "node-a", Phase: "Running",
			Ready: s.Ready, Owner: owner, Containers: []event.ContainerState{s}})
	}
}

// by says of the pod that was added last which ControllerRevision made it.
func by(revision string) option {
	return func(c *Case) { c.Context.Pods[len(c.Context.Pods)-1].Revision = revision }
}

// named makes it an alert about this pod of the target.
func named(pod string) option {
	return func(c *Case) {
		c.Signal.Resource = event.Target{APIVersion: "v1", Kind: "Pod", Namespace: "shop", Name: pod}
	}
}

func pending(name string) option {
	return func(c *Case) {
		c.Context.Pods = append(c.Context.Pods, event.Pod{Name: name, Phase: "Pending"})
		c.Context.Events = append(c.Context.Events, event.Note{Type: "Warning", Reason: "FailedScheduling", Object: "Pod/" + name, Message: "0/3 nodes are available"})
	}
}

var (
	crashLoop = event.ContainerState{Waiting: "CrashLoopBackOff", Restarts: 6, Last: &event.Termination{Reason: "Error", ExitCode: 1, FinishedAt: ago(time.Minute)}}
	oomLoop   = event.ContainerState{Waiting: "CrashLoopBackOff", Restarts: 6, Last: &event.Termination{Reason: "OOMKilled", ExitCode: 137, FinishedAt: ago(time.Minute)}}
	noImage   = event.ContainerState{Waiting: "ImagePullBackOff"}
	noConfig  = event.ContainerState{Waiting: "CreateContainerConfigError"}
	// betweenCrashes runs at this moment, and says that it is ready.
	betweenCrashes = event.ContainerState{Ready: true, Restarts: 2, Last: &event.Termination{Reason: "Error", ExitCode: 1, FinishedAt: ago(time.Minute)}}
	// restartedNow crashed once, and is ready again.
	restartedNow = event.ContainerState{Ready: true, Restarts: 1, Last: &event.Termination{Reason: "Error", ExitCode: 137, FinishedAt: ago(time.Minute)}}
	// restartedLongAgo crashed once, and has run ever since.
	restartedLongAgo = event.ContainerState{Ready: true, Restarts: 1, Last: &event.Termination{Reason: "Error", ExitCode: 1, FinishedAt: ago(14 * 24 * time.Hour)}}

	unready = event.ContainerState{}
	healthy = event.ContainerState{Ready: true}
)

// revisions sets a new revision that is an age old after one that ran before
// it for a month, with so many ready pods.
func revisions(age time.Duration, readyBefore int32) option {
	return func(c *Case) {
		c.Context.Revisions = []event.Revision{
			{Number: 2, Name: "cart-new", Images: []string{"shop/cart:2"}, CreatedAt: ago(age), Current: true, Replicas: 1},
			{Number: 1, Name: "cart-old", Images: []string{"shop/cart:1"}, CreatedAt: ago(age + 720*time.Hour), Replicas: readyBefore, Ready: readyBefore},
		}
	}
}

// ofDB gives the revisions the names that those of the StatefulSet have.
func ofDB(c *Case) { c.Context.Revisions[0].Name, c.Context.Revisions[1].Name = "db-new", "db-old" }

// readyNow is how many pods of the new revision are ready.
func readyNow(n int32) option {
	return func(c *Case) { c.Context.Revisions[0].Replicas, c.Context.Revisions[0].Ready = n+1, n }
}

func onlyRevision(c *Case) {
	c.Context.Revisions = []event.Revision{{Number: 1, Name: "cart-new", Images: []string{"shop/cart:1"}, CreatedAt: ago(720 * time.Hour), Current: true}}
}

func hpa(current, desired, maximum int32, limited string) option {
	return func(c *Case) {
		c.Context.Autoscaler = &event.Autoscaler{Name: "cart", Scales: target("Deployment", "cart"), Min: 2, Max: maximum, Current: current, Desired: desired,
			Conditions: []event.Condition{{Type: "ScalingLimited", Status: limited}}}
	}
}

func node(ready, cordoned bool, others int) option {
	return func(c *Case) {
		status := map[bool]string{true: "True", false: "False"}[ready]
		c.Context.Node = &event.Node{Name: "node-a", Ready: ready, Unschedulable: cordoned, OtherSchedulable: others,
			Conditions: []event.Condition{{Type: "Ready", Status: status, Reason: "KubeletReady"}}}
	}
}

func gitOps(c *Case) { c.Context.GitOps = &event.GitOps{Tool: "flux-kustomize", Name: "shop"} }

func lacking(parts ...string) option {
	return func(c *Case) {
		for _, p := range parts {
			c.Context.Unavailable = append(c.Context.Unavailable, event.Unavailable{Part: p, Reason: "forbidden"})
		}
	}
}

func owners(t ...event.Target) option { return func(c *Case) { c.Context.Owners = t } }
