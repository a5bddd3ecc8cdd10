package bed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const postgresUser = "kubernaut"

// postgresPattern finds the server where the distribution's package puts it: not on PATH.
const postgresPattern = "/usr/lib/postgresql/*/bin/postgres"

// postgresBinaries is the folder of the newest PostgreSQL installed.
func postgresBinaries() (string, error) {
	found, err := filepath.Glob(postgresPattern)
	if err != nil {
		return "", fmt.Errorf("find postgres: %w", err)
	}
	if len(found) == 0 {
		return "", fmt.Errorf("find postgres: nothing at %s", postgresPattern)
	}
	version := func(path string) int {
		number, _ := strconv.Atoi(strings.Split(path, "/")[4]) // 0 for a name that is no version
		return number
	}
	newest := slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })
	return filepath.Dir(newest), nil
}

// lockFile is in the data folder while a server runs on it, or was killed.
const lockFile = "postmaster.pid"

// lockMemoryLine is the line of lockFile that names the server's shared memory:
// its key and its id, as numbers.
const lockMemoryLine = 6

// forgetKilled removes what a killed server leaves: its lock file, and a segment of
// shared memory that would stay until the machine's end. No server runs.
func forgetKilled(folder string) error {
	path := filepath.Join(folder, lockFile)
	content, err := os.ReadFile(path)
	if missing(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read lock of a killed server: %w", err)
	}
	if err := removeMemory(string(content)); err != nil {
		return fmt.Errorf("remove shared memory of a killed server: %w", err)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("remove lock of a killed server: %w", err)
	}
	return nil
}

// removeMemory removes the segment that a lock file names, if it still is that one.
func removeMemory(lock string) error {
	lines := strings.Split(lock, "\n")
	var key, id int
	if len(lines) <= lockMemoryLine {
		return nil // killed before it had any
	}
	if n, _ := fmt.Sscan(lines[lockMemoryLine], &key, &id); n != 2 {
		return nil
	}
	var segment unix.SysvShmDesc
	if _, err := unix.SysvShmCtl(id, unix.IPC_STAT, &segment); err != nil || int(segment.Perm.Key) != key {
		return nil // gone, and the id perhaps another's
	}
	if _, err := unix.SysvShmCtl(id, unix.IPC_RMID, nil); err != nil && !errors.Is(err, unix.EINVAL) {
		return err
	}
	return nil
}

type postgresData struct {
	binaries, folder, password string
	owner                      *Account
}

// initPostgres makes a cluster with one user and one database of its name, once.
// Nothing runs on it: a lock file that is there is a killed server's, whose pid a
// zombie may still have.
func initPostgres(ctx context.Context, d postgresData) error {
	if _, err := os.Stat(filepath.Join(d.folder, "PG_VERSION")); err == nil {
		return forgetKilled(d.folder)
	}
	if err := ownFolder(d.folder, d.owner); err != nil {
		return err
	}
	// initdb wants an empty folder, so the password waits beside it.
	passwordFile := d.folder + ".password"
	if err := ownFile(passwordFile, d.password, d.owner); err != nil {
		return err
	}
	defer func() { _ = os.Remove(passwordFile) }()
	if err := d.run(ctx, "", "initdb", "--pgdata="+d.folder, "--username="+postgresUser, "--pwfile="+passwordFile,
		"--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"); err != nil {
		return err
	}
	access := "host all all " + podSpace + " scram-sha-256\n"
	if err := ownFile(filepath.Join(d.folder, "pg_hba.conf"), access, d.owner); err != nil {
		return err
	}
	return d.run(ctx, "CREATE DATABASE "+postgresUser+"\n", "postgres", "--single", "-D", d.folder, "postgres")
}

// run runs one of PostgreSQL's programs as the data's owner: they refuse root.
func (d postgresData) run(ctx context.Context, input, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(d.binaries, name), args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: d.owner.UID, Gid: d.owner.GID}}
	cmd.Stdin, cmd.Dir = strings.NewReader(input), "/"
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("run %s: %w: %s", name, errors.Join(err, context.Cause(ctx)), lastWords(output.Bytes()))
	}
	return nil
}
