// Command newstage adds a stage: a folder under functions/, stamped from the
// fleet's defaults, a Trigger, and its place in the workspace and in the local
// system. No file of another stage changes.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

func main() { os.Exit(run()) }

func run() int {
	var s stageSpec
	root := flag.String("root", ".", "the project's folder")
	flag.StringVar(&s.Name, "name", "", "the stage's name: its folder, Knative Service and ServiceAccount")
	flag.StringVar(&s.On, "on", "", "the event type that it takes, such as remediation.closed")
	flag.Parse()
	s.Created = time.Now().UTC().Format(time.RFC3339)
	files, err := add(*root, s)
	if err != nil {
		fmt.Fprintln(os.Stderr, "make stage:", err)
		return 1
	}
	for _, f := range files {
		fmt.Println("  wrote", f)
	}
	fmt.Printf("Stage %s takes %s. Write its domain in functions/%s/%s.go; make run has it already.\n", s.Name, s.On, s.Name, s.Name)
	fmt.Printf("In a cluster: make secrets, kubectl apply -k your overlay, make deploy FUNCTION=%s.\n", s.Name)
	return 0
}
