// Package porttest finds ports of the loopback interface for servers that tests
// start as processes and that cannot be given a listener.
package porttest

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// Host is where the ports are free.
const Host = "127.0.0.1"

// first and count are the ports that are tried: above those that Kubernetes'
// own components have for themselves (10248 to 10260), and below those that the
// system gives to whoever asks for any (on Linux from 32768 on). One of the latter
// may be taken between being found and being listened on, by a connection or by
// another test's server, which then looks like the one that was started. What
// Beside adds is below them, too.
const (
	first = 11_000
	count = 10_000
	tries = 1_000
)

// Beside is from a port that Free returns to another that was free, too: where
// a node of a Redis Cluster listens for other nodes.
const Beside = 10_000

var errNone = errors.New("no free port below those that the system gives away")

// Free finds a port on which, and Beside it, nobody listens. Two who ask at the
// same time may get the same one: who starts a server on it tries again when the
// server cannot listen.
func Free() (int, error) {
	for range tries {
		port := first + rand.IntN(count)
		if free(port) && free(port+Beside) {
			return port, nil
		}
	}
	return 0, errNone
}

// Address is where a server of the port listens.
func Address(port int) string { return net.JoinHostPort(Host, strconv.Itoa(port)) }

// FreeAddress is the address of a port that Free finds.
func FreeAddress() (string, error) {
	port, err := Free()
	if err != nil {
		return "", err
	}
	return Address(port), nil
}

func free(port int) bool {
	listener, err := net.Listen("tcp", Address(port))
	if err != nil {
		return false
	}
	_ = listener.Close()
	return true
}
