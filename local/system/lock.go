package system

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// lockFile, in Options.Dir, is locked by the system that works there.
const lockFile = "lock"

// maxLockNote bounds what is read of it, in bytes.
const maxLockNote = 256

// lock is a folder's, held until the process ends, however it ends.
type lock struct{ file *os.File }

// errTaken says that another system works in the folder.
var errTaken = errors.New("another system works in this folder")

// lockDir takes the folder: settings, keys, kubeconfig and history in it are
// one system's.
func lockDir(dir string) (lock, error) {
	path := filepath.Join(dir, lockFile)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, secretMode)
	if err != nil {
		return lock{}, fmt.Errorf("lock state folder: %w", err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return lock{file}, nil
	}
	defer file.Close()
	if !errors.Is(err, syscall.EWOULDBLOCK) {
		return lock{}, fmt.Errorf("lock state folder: %w", err)
	}
	return lock{}, fmt.Errorf("%w: %s, in %s. Stop it, or give this one a folder and an address of its own: make run ARGS=\"--dir %s --listen 127.0.0.1:0\"",
		errTaken, holder(file), dir, filepath.Join(dir, "second"))
}

// holder is what the system that has the lock noted of itself.
func holder(file *os.File) string {
	text := make([]byte, maxLockNote)
	n, _ := file.ReadAt(text, 0) // what could be read tells enough
	if note := strings.TrimSpace(string(text[:n])); note != "" {
		return note
	}
	return "a process that has only begun"
}

// note leaves word for whoever finds the folder taken.
func (l lock) note(url string) error {
	text := fmt.Sprintf("process %d at %s\n", os.Getpid(), url)
	if err := l.file.Truncate(0); err != nil {
		return fmt.Errorf("note who has the state folder: %w", err)
	}
	if _, err := l.file.WriteAt([]byte(text), 0); err != nil {
		return fmt.Errorf("note who has the state folder: %w", err)
	}
	return nil
}

// openFolder takes the state folder before anything in it is touched.
func (s *System) openFolder(context.Context) (err error) {
	if s.lock, err = lockDir(s.options.Dir); err != nil {
		return err
	}
	s.onClose(func(context.Context) error { return s.lock.file.Close() })
	if !s.options.anew {
		return nil
	}
	// What happened to a cluster that is gone would be taken for unfinished work.
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(filepath.Join(s.options.Dir, historyFile+suffix)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("begin history anew: %w", err)
		}
	}
	return nil
}
