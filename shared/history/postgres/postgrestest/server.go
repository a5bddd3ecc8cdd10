package postgrestest

import (
	"bytes"
	"context"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/porttest"
)

const (
	startTimeout = 30 * time.Second
	pollEvery    = 10 * time.Millisecond
	// user and password are the server's superuser, in use by nobody else.
	user     = "kubernaut"
	password = "of a test"
	// patience is more than a stage has: a loaded machine is no failure of a test.
	patience = "sslmode=disable&connect_timeout=60"
	// attempts to find a port: a free one is not reserved.
	attempts = 5
)

// Server is a PostgreSQL server that ends with its test.
type Server struct {
	bin       string
	dir       string
	port      int
	settings  []string
	databases atomic.Int64

	cmd    *exec.Cmd
	exited chan struct{}
	log    bytes.Buffer
}

// Start makes a cluster of databases and starts its server with the given
// settings, each as name=value. It skips the test where no PostgreSQL is
// installed.
func Start(t testing.TB, settings ...string) *Server {
	t.Helper()
	bin := binaries()
	if bin == "" {
		t.Skip("no PostgreSQL server on this machine: install Debian's package postgresql")
	}
	// Not t.TempDir: the server's user could not get there. A socket's path has
	// to be short, too.
	dir, err := os.MkdirTemp("", "kubernaut-pg-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	s := &Server{bin: bin, dir: dir, settings: settings}
	s.create(t)
	for range attempts {
		s.port, err = porttest.Free()
		require.NoError(t, err)
		if s.start(t) {
			t.Cleanup(func() { s.end(syscall.SIGQUIT) })
			return s
		}
	}
	require.FailNow(t, "postgres did not start", s.log.String())
	return nil
}

// binaries is the folder of the newest installed server, "" without one.
func binaries() string {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path)
	}
	// Debian keeps every major version in a folder of its own, outside PATH.
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // the pattern is a constant
	if len(found) == 0 {
		return ""
	}
	major := func(path string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path)))) // 0 sorts first
		return n
	}
	return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return major(a) - major(b) }))
}

// create fills the folder, as a user that PostgreSQL accepts: it refuses root.
func (s *Server) create(t testing.TB) {
	t.Helper()
	secret := filepath.Join(s.dir, "password")
	require.NoError(t, os.WriteFile(secret, []byte(password+"\n"), 0o600))
	if c := credential(); c != nil {
		require.NoError(t, os.Chown(s.dir, int(c.Uid), int(c.Gid)))
		require.NoError(t, os.Chown(secret, int(c.Uid), int(c.Gid)))
	}
	// SCRAM's costly key derivation makes a test under the race detector slow; the
	// method lets roles in as well whose password is kept for SCRAM.
	cmd := s.command("initdb", "--pgdata", s.data(), "--username", user, "--pwfile", secret,
		"--auth", "md5", "--no-locale", "--encoding", "UTF8", "--no-sync", "--no-instructions", "--wal-segsize", "1")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) command(name string, arguments ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, name), arguments...)
	cmd.Dir = s.dir
	cmd.Env = []string{"LC_ALL=C", "PATH=" + os.Getenv("PATH")}
	// A group of its own: Ctrl-C is for the test, which then ends the server.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: credential()}
	return cmd
}

// nobody is the user and group of that name everywhere.
const nobody = 65534

// credential is another user's where we are root, else nil: our own.
func credential() *syscall.Credential {
	if os.Geteuid() != 0 {
		return nil
	}
	return &syscall.Credential{Uid: nobody, Gid: nobody}
}

// start starts the server; false when its port was taken in the meantime.
func (s *Server) start(t testing.TB) bool {
	t.Helper()
	arguments := []string{"-D", s.data(), "-h", porttest.Host, "-p", strconv.Itoa(s.port), "-k", s.dir}
	// Durability is not what is tested, and a disk may be slow.
	for _, setting := range append([]string{"fsync=off", "full_page_writes=off", "shared_buffers=16MB"}, s.settings...) {
		arguments = append(arguments, "-c", setting)
	}
	s.cmd, s.exited = s.command("postgres", arguments...), make(chan struct{})
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	require.NoError(t, s.cmd.Start())
	go func(cmd *exec.Cmd, exited chan struct{}) { defer close(exited); _ = cmd.Wait() }(s.cmd, s.exited)
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for {
		conn, err := s.connect(ctx, "postgres")
		if err == nil {
			_ = conn.Close(ctx)
			return true
		}
		select {
		case <-s.exited:
			return false
		case <-ctx.Done():
			s.end(syscall.SIGKILL)
			require.FailNow(t, "postgres does not answer", "%v: %s", err, s.log.String())
		case <-time.After(pollEvery):
		}
	}
}

// URL opens a database of this server over TCP, as its superuser: by the
// history store, one of whose parameters no other client knows.
func (s *Server) URL(database string) string { return s.As(user, password, database) }

// As opens a database as another role.
func (s *Server) As(role, secret, database string) string {
	return s.address(role, secret, database) + "&operation_timeout=60s"
}

func (s *Server) address(role, secret, database string) string {
	return (&url.URL{Scheme: "postgres", User: url.UserPassword(role, secret), Path: "/" + database,
		Host: porttest.Address(s.port), RawQuery: patience}).String()
}

// Stop ends the server at once, as a crash does.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	require.NotNil(t, s.cmd, "the server runs")
	s.end(syscall.SIGQUIT)
}

// Restart starts a stopped server again, at the same address.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	require.True(t, s.start(t), "postgres did not start again: %s", &s.log)
}

// end signals the server and waits for it. Its children go with it.
func (s *Server) end(signal syscall.Signal) {
	_ = s.cmd.Process.Signal(signal)
	<-s.exited
}
