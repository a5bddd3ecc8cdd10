// Command patient is the workload that scenarios make ill: it does nothing but
// what its flags tell it, and so shows that a fix works, not only that it was
// applied.
//
//	patient                    waits until it is told to end
//	patient -crash             ends with an error after a moment, again and again
//	patient -memory 48         needs 48 MiB: it is killed where its limit is lower
//	patient -relay 5           hands events of type hop.1 on, up to hop.5
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

const (
	mebibyte = 1 << 20
	// page is the granularity in which the kernel counts memory.
	page = 4096
)

func main() {
	crash := flag.Bool("crash", false, "end with an error at once")
	memory := flag.Int("memory", 0, "how much memory it needs, in MiB")
	relay := flag.Int("relay", 0, "hand events on, up to this hop")
	flag.Parse()
	if *relay > 0 {
		fmt.Fprintln(os.Stderr, "patient:", serveRelay(*relay))
		os.Exit(1)
	}
	if *crash {
		fmt.Fprintln(os.Stderr, "patient: I was told to crash")
		os.Exit(1)
	}
	needed := make([]byte, *memory*mebibyte)
	for i := 0; i < len(needed); i += page {
		needed[i] = 1
	}
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGINT, syscall.SIGTERM)
	<-end
	// It was needed until the end.
	fmt.Println("patient: ends, and had", len(needed)/mebibyte, "MiB")
}
