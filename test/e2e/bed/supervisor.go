package bed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// supervisor starts processes, remembers each in a file of the state folder
// before anything waits for it, and ends them in reverse order. Another
// program's supervisor over the same folder can end and start the same ones.
type supervisor struct {
	layout layout
	mu     sync.Mutex
	order  int
}

func newSupervisor(l layout) (*supervisor, error) {
	s := &supervisor{layout: l}
	all, err := s.all()
	if err != nil {
		return nil, err
	}
	for _, process := range all {
		s.order = max(s.order, process.Order)
	}
	return s, nil
}

// run starts program and waits until ready holds; nil is ready at once. A process
// that ends while it is waited for is an error that quotes its log.
func (s *supervisor) run(ctx context.Context, program Program, ready func(context.Context) error) error {
	process, err := s.start(program)
	if err != nil || ready == nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, readyPatience)
	defer cancel()
	var last error
	err = await(waiting, func(ctx context.Context) (bool, error) {
		if !process.Running() {
			return false, fmt.Errorf("it ended: %s", tail(process.Log))
		}
		attempt, cancel := context.WithTimeout(ctx, attemptPatience)
		defer cancel()
		last = ready(attempt)
		return last == nil, nil
	})
	if err != nil && last != nil && waiting.Err() != nil && ctx.Err() == nil {
		err = fmt.Errorf("not ready after %s: %w; %s", readyPatience, last, tail(process.Log))
	}
	if err != nil {
		return fmt.Errorf("start %s: %w", program.Name, err)
	}
	return nil
}

const (
	// readyPatience is for the slowest part on a machine that builds meanwhile.
	readyPatience   = 2 * time.Minute
	attemptPatience = 3 * time.Second
)

func (s *supervisor) start(program Program) (*Process, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if before, err := load(s.layout.processes(), program.Name); err == nil && before.Running() {
		return nil, fmt.Errorf("start %s: it runs already as pid %d", program.Name, before.PID)
	}
	process, err := start(program, s.layout.log(program.Name), s.layout.mark())
	if err != nil {
		return nil, err
	}
	s.order++
	process.Order = s.order
	if err := process.save(s.layout.processes()); err != nil {
		return nil, errors.Join(err, process.kill(context.Background()))
	}
	return process, nil
}

// all are the processes that were started and not forgotten, in that order.
func (s *supervisor) all() ([]*Process, error) {
	entries, err := os.ReadDir(s.layout.processes())
	if missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var all []*Process
	for _, entry := range entries {
		name, found := strings.CutSuffix(entry.Name(), ".json")
		if !found {
			continue
		}
		process, err := load(s.layout.processes(), name)
		if err != nil {
			return nil, fmt.Errorf("read process: %w", err)
		}
		all = append(all, process)
	}
	slices.SortFunc(all, func(a, b *Process) int { return a.Order - b.Order })
	return all, nil
}

// end ends one process by name and keeps its file, so that it can be started again.
func (s *supervisor) end(ctx context.Context, name string, patience time.Duration) error {
	process, err := load(s.layout.processes(), name)
	if missing(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read process: %w", err)
	}
	return process.end(ctx, patience)
}

// endAll ends what runs, the last started first, and forgets it.
func (s *supervisor) endAll(ctx context.Context, patience time.Duration) error {
	all, err := s.all()
	if err != nil {
		return err
	}
	var failed []error
	for _, process := range slices.Backward(all) {
		if err := process.end(ctx, patience); err != nil {
			failed = append(failed, err)
			continue
		}
		if err := os.Remove(filepath.Join(s.layout.processes(), process.Program.Name+".json")); err != nil && !missing(err) {
			failed = append(failed, fmt.Errorf("forget %s: %w", process.Program.Name, err))
		}
	}
	return errors.Join(failed...)
}
