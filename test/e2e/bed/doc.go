// Package bed brings up a real one-node Kubernetes cluster as supervised
// processes of this machine, and takes it down without a trace.
//
// It is what the end-to-end scenarios run on, and what `make cluster-up` gives
// to whoever wants to play: etcd, the control plane, containerd and kubelet,
// kube-proxy, CoreDNS, an image registry, unmodified Knative Serving and
// Eventing as pods, and beside them Redis, PostgreSQL and Alertmanager, which
// scenarios may stop, kill, start and wipe. Nothing of it needs Docker or a
// registry elsewhere: the binaries come from package toolchain, the rest from
// the distribution's packages.
//
// # Nothing leaves the machine
//
// The guard stands before the first process starts and is proven then: the
// bridge has no masquerading, the ranges of pods and Services are unreachable
// beyond it, and an nftables table rejects whatever would cross to another
// interface, in either direction. Image references of any registry resolve to
// the bed's own. NetworkPolicies have no effect on this bridge.
//
// # Who owns what
//
// Everything lies in one state folder: a file for each process with its pid and
// the time it started, so that another program ends exactly those processes; a
// record of what was made on the host; logs, which outlive a failure and are
// named in its error.
//
//	b, err := bed.Up(ctx, bed.Options{FakeNodes: 3, Log: os.Stderr})
//	if err != nil {
//		return err // what had been made is gone again; the error names the logs
//	}
//	defer b.Down(context.WithoutCancel(ctx))
//	pods, err := kubernetes.NewForConfigOrDie(b.RESTConfig).CoreV1().Pods("").List(ctx, metav1.ListOptions{})
package bed
