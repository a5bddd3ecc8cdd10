package main

import (
	"flag"
	"io"
	"time"
)

// defaultFakeNodes is enough for scenarios with more pods than one node takes.
const defaultFakeNodes = 3

// defaultTimeout bounds the scenarios alone.
const defaultTimeout = 40 * time.Minute

func parse(arguments []string, stdout, stderr io.Writer) (options, error) {
	o := options{stdout: stdout, stderr: stderr}
	flags := flag.NewFlagSet("e2e", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.BoolVar(&o.keep, "keep", false, "leave the cluster up")
	flags.BoolVar(&o.installOnly, "install", false, "bring up and install only, and leave the cluster up")
	flags.BoolVar(&o.asItIs, "as-it-is", false, "run on what the cluster that is up has installed already")
	flags.BoolVar(&o.again, "again", false, "run scenarios that failed once more when all have ended, and fail for those that fail twice")
	flags.BoolVar(&o.bench, "bench", false, "measure instead of testing")
	flags.StringVar(&o.own, "kubeconfig", "", "use this cluster of your own instead, with Knative on it: the scenarios make workloads there ill, and Kubernaut stays installed")
	flags.StringVar(&o.pattern, "run", "", "run only the scenarios whose name matches, as go test's flag")
	flags.IntVar(&o.fakeNodes, "fake-nodes", defaultFakeNodes, "kwok nodes beside the real one")
	flags.DurationVar(&o.timeout, "timeout", defaultTimeout, "bound of the scenarios")
	err := flags.Parse(arguments)
	return o, err
}
