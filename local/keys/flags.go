package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
)

// command is what the command line asks for.
type command struct {
	root, current string
	kubectl       string
	rotate        string
	promote       bool
	forget        bool
	newToken      bool
	forgetTokens  bool
	llmKeyFile    string
	stores        stores
}

func parse(args []string, getenv func(string) string, stderr io.Writer) (command, error) {
	var c command
	fs := flag.NewFlagSet("keys", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&c.root, "root", ".", "the project's folder: every folder of its functions/ is a stage")
	fs.StringVar(&c.current, "current", "", "what the cluster has: a file of Secrets and ConfigMaps, or - for standard input; unset starts anew")
	fs.StringVar(&c.kubectl, "kubectl", "", "read what the cluster has with this kubectl, in place of --current")
	fs.StringVar(&c.rotate, "rotate", "", "stages, separated by commas, or all: make their next keys and accept them")
	fs.BoolVar(&c.promote, "promote", false, "seal with the next keys from now on")
	fs.BoolVar(&c.forget, "forget", false, "accept present and next keys only")
	fs.BoolVar(&c.newToken, "new-token", false, "make another token for senders, beside those that there are")
	fs.BoolVar(&c.forgetTokens, "forget-tokens", false, "accept the newest token of senders only")
	fs.StringVar(&c.llmKeyFile, "llm-key-file", "", "a file with the key of a language model; printed as the Secret kubernaut-llm")
	fs.StringVar(&c.stores.namespace, "namespace", "kubernaut-system", "the namespace of everything")
	fs.StringVar(&c.stores.overlay, "overlay", "", "whose stores to address: "+strings.Join(overlays, ", ")+"; unset keeps what --current has")
	fs.StringVar(&c.stores.redis, "redis-url", getenv("REDIS_URL"), "a Redis of your own (REDIS_URL)")
	fs.StringVar(&c.stores.history, "history-url", getenv("HISTORY_URL"), "a PostgreSQL of your own (HISTORY_URL)")
	fs.StringVar(&c.stores.reader, "history-reader-url", getenv("HISTORY_READER_URL"), "the same, as a role that may only read (HISTORY_READER_URL); unset is the other")
	if err := fs.Parse(args); err != nil {
		return c, err
	}
	if fs.NArg() > 0 {
		return c, fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	if c.kubectl != "" && c.current != "" {
		return c, errors.New("--kubectl and --current are two ways to say what the cluster has: give one")
	}
	return c, c.stores.validate()
}
