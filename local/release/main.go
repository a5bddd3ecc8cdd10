package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	r, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err == nil {
		err = r.release()
	}
	if err != nil {
		fmt.Fprintln(stderr, "release:", err)
		return 1
	}
	fmt.Fprintf(stdout, `Released %[1]s %[2]s as the tag %[3]s. To build a function with it, outside this repository:

  export GOWORK=off GONOSUMDB=%[1]s GOPROXY=file://%[4]s,$(go env GOPROXY)
  cd %[5]s/gateway && func build

To publish it: git push origin %[3]s
`, module, r.version, r.tag(), r.proxyFolder(), r.functionsFolder())
	return 0
}

func parse(args []string, stderr io.Writer) (release, error) {
	var r release
	fs := flag.NewFlagSet("release", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&r.root, "root", ".", "the project's folder, a git checkout")
	fs.StringVar(&r.version, "version", "", "the version, such as v1.2.3")
	fs.StringVar(&r.out, "out", "", "where to write; unset is .local/release in the project's folder")
	if err := fs.Parse(args); err != nil {
		return r, err
	}
	root, err := filepath.Abs(r.root)
	if err != nil {
		return r, fmt.Errorf("find project: %w", err)
	}
	if r.root = root; r.out == "" {
		r.out = filepath.Join(root, ".local", "release")
	}
	if r.out, err = filepath.Abs(r.out); err != nil {
		return r, fmt.Errorf("find folder to write to: %w", err)
	}
	return r, checkVersion(r.version)
}
