package main

import (
	"bufio"
	"crypto/sha1"
	"encoding/hex"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/event"
)

// scripts knows Lua scripts by what Redis calls them by: it sees the source
// once, and digests from then on.
type scripts struct {
	files map[string]string

	mu    sync.Mutex
	names map[string]string
}

func readScripts(t *testing.T) *scripts {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, "shared", "ledger", "scripts", "*.lua"))
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	s := &scripts{files: map[string]string{}, names: map[string]string{}}
	for _, p := range paths {
		body, err := os.ReadFile(p)
		require.NoError(t, err)
		s.files[strings.TrimSuffix(filepath.Base(p), ".lua")] = string(body)
	}
	return s
}

// learn names a script by the file that it ends with; preludes come first.
func (s *scripts) learn(source string) string {
	sum := sha1.Sum([]byte(source))
	digest := hex.EncodeToString(sum[:])
	if name := s.name(digest); name != digest {
		return name
	}
	best := ""
	for name, body := range s.files {
		if strings.HasSuffix(source, body+"\n") && len(body) > len(s.files[best]) {
			best = name
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names[digest] = best
	return best
}

func (s *scripts) name(digest string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if name := s.names[digest]; name != "" {
		return name
	}
	return digest
}

// setUp are the commands of a new connection, which are no calls of a story.
var setUp = []string{"HELLO", "CLIENT", "AUTH", "SELECT", "COMMAND", "READONLY"}

// command names a command: script or command, and what kind of key it is on.
func (s *scripts) command(args []string) (name string, counts bool) {
	verb := strings.ToUpper(args[0])
	key := ""
	if slices.Contains(setUp, verb) {
		return verb, false
	}
	about := ""
	switch {
	case verb == "EVAL" && len(args) > 3:
		verb, key, about = s.learn(args[1]), args[3], aboutOf(args)
	case verb == "EVALSHA" && len(args) > 3:
		verb, key, about = s.name(args[1]), args[3], aboutOf(args)
	case len(args) > 1:
		key = args[1]
	}
	return strings.Join(strings.Fields("redis "+verb+" "+kindOfKey(key)+" "+about), " "), true
}

// aboutOf tells calls of one script apart: by the kind of a due item, which
// its id begins with, and by the phase that a claim moves to.
func aboutOf(args []string) string {
	keys, err := strconv.Atoi(args[2])
	if err != nil || keys < 1 || len(args) <= 3+keys {
		return ""
	}
	if kind, _, ok := strings.Cut(args[3+keys], "/"); ok && kindOfKey(args[3]) == "due" {
		return kind
	}
	for _, a := range args[3+keys:] {
		if phases[a] {
			return a
		}
	}
	return ""
}

// phases are the short types of the catalogue.
var phases = func() map[string]bool {
	m := map[string]bool{}
	for _, e := range event.Catalogue() {
		m[event.ShortType(e.Type)] = true
	}
	return m
}()

// kindOfKey is a key without what differs from story to story. An inbox is its
// stage's.
func kindOfKey(key string) string {
	_, rest, ok := strings.Cut(key, "kubernaut:")
	if !ok {
		return ""
	}
	kind, tag, _ := strings.Cut(rest, ":")
	if kind != "inbox" {
		return kind
	}
	stage, _, _ := strings.Cut(strings.TrimPrefix(tag, "{"), "/")
	return kind + " " + stage
}

// redisProxy passes commands on one by one.
type redisProxy struct {
	listener net.Listener
	upstream string
	control  *control
	scripts  *scripts
}

func startRedisProxy(t *testing.T, upstream string, c *control, s *scripts) *redisProxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &redisProxy{listener: l, upstream: strings.TrimPrefix(upstream, "redis://"), control: c, scripts: s}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // closed
			}
			go p.serve(conn)
		}
	}()
	return p
}

func (p *redisProxy) url() string { return "redis://" + p.listener.Addr().String() }

// serve ends with either side's connection.
func (p *redisProxy) serve(client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial("tcp", p.upstream)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	requests, replies := bufio.NewReader(client), bufio.NewReader(server)
	for {
		raw, args, err := readValue(requests)
		if err != nil || len(args) == 0 {
			return
		}
		var reply []byte
		pass := func() error {
			if _, err := server.Write(raw); err != nil {
				return err
			}
			reply, _, err = readValue(replies)
			return err
		}
		if name, counts := p.scripts.command(args); counts {
			err = p.control.call(name, pass)
		} else {
			err = pass()
		}
		if err != nil {
			return
		}
		if _, err := client.Write(reply); err != nil {
			return
		}
	}
}

// tell sends one command to a Redis directly.
func tell(url string, args ...string) error {
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "redis://"))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write([]byte(strings.Join(args, " ") + "\r\n")); err != nil {
		return err
	}
	_, _, err = readValue(bufio.NewReader(conn))
	return err
}
