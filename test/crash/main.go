package main

import (
	"fmt"
	"os"
)

func main() { os.Exit(run()) }

// run is the child: the tests build this program and kill it.
func run() int {
	if err := live(os.Getenv(envChild)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
