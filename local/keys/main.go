package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() { os.Exit(run(os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr)) }

func run(args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer) int {
	c, err := parse(args, getenv, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	var manifests []byte
	if err == nil {
		manifests, err = c.manifests(stdin)
	}
	if err == nil {
		_, err = stdout.Write(manifests)
	}
	if err != nil {
		fmt.Fprintln(stderr, "keys:", err)
		return 1
	}
	return 0
}
