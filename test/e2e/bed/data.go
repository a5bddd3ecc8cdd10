package bed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// ErrRunning: what was asked would pull the ground from under a running process.
var ErrRunning = errors.New("the process runs")

// Service is one of the processes beside the cluster that pods reach at the
// bridge, and that a scenario may stop, kill, wipe and start again.
type Service struct {
	supervisor *supervisor
	program    Program
	// prepare makes the data folder where it is not, as the first start does.
	prepare func(context.Context) error
	// forget removes what a killed one leaves beside its data; nil is nothing.
	forget func() error
	ready  func(context.Context) error
	url    string
}

// URL is where pods and this machine reach the service, with its credentials.
func (s *Service) URL() string { return s.url }

// Start starts it and waits until it serves. After Wipe it is as on the first day.
// One that runs is ErrRunning.
func (s *Service) Start(ctx context.Context) error {
	if s.running() {
		return fmt.Errorf("start %s: %w", s.program.Name, ErrRunning)
	}
	if err := s.prepare(ctx); err != nil {
		return fmt.Errorf("prepare data of %s: %w", s.program.Name, err)
	}
	return s.supervisor.run(ctx, s.program, s.ready)
}

// Stop asks it to end, as an orderly shutdown would, and waits.
func (s *Service) Stop(ctx context.Context) error {
	return s.supervisor.end(ctx, s.program.Name, stopPatience)
}

// Kill is kill -9: what it had not written is lost.
func (s *Service) Kill(ctx context.Context) error {
	process, err := load(s.supervisor.layout.processes(), s.program.Name)
	if err != nil {
		return fmt.Errorf("read process %s: %w", s.program.Name, err)
	}
	return process.kill(ctx)
}

// Wipe removes its data, as a lost disk would. It must be stopped: ErrRunning
// otherwise.
func (s *Service) Wipe() error {
	if s.running() {
		return fmt.Errorf("wipe %s: %w; stop or kill it first", s.program.Name, ErrRunning)
	}
	if s.forget != nil {
		if err := s.forget(); err != nil {
			return fmt.Errorf("wipe %s: %w", s.program.Name, err)
		}
	}
	if err := os.RemoveAll(s.supervisor.layout.data(s.program.Name)); err != nil {
		return fmt.Errorf("wipe %s: %w", s.program.Name, err)
	}
	return nil
}

func (s *Service) running() bool {
	process, err := load(s.supervisor.layout.processes(), s.program.Name)
	return err == nil && process.Running()
}

// LogFile is where its output goes.
func (s *Service) LogFile() string { return s.supervisor.layout.log(s.program.Name) }

// account is the user of that name, or nobody where the machine has none: its
// package made it, but the service needs no more than a user that is not root.
func account(name string) (*Account, error) {
	found, err := user.Lookup(name)
	if err != nil {
		found, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, fmt.Errorf("find an unprivileged user for %s: %w", name, err)
	}
	uid, err := strconv.ParseUint(found.Uid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("read uid of %s: %w", found.Username, err)
	}
	gid, err := strconv.ParseUint(found.Gid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("read gid of %s: %w", found.Username, err)
	}
	return &Account{UID: uint32(uid), GID: uint32(gid)}, nil
}

// ownFolder makes a folder that is owner's alone.
func ownFolder(path string, owner *Account) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	if err := os.Chown(path, int(owner.UID), int(owner.GID)); err != nil {
		return fmt.Errorf("give folder away: %w", err)
	}
	return nil
}

// ownFile writes a file that is owner's alone.
func ownFile(path, content string, owner *Account) error {
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		return fmt.Errorf("write file: %w", err)
	}
	if err := os.Chown(path, int(owner.UID), int(owner.GID)); err != nil {
		return fmt.Errorf("give file away: %w", err)
	}
	return nil
}

// newRedis is Redis that answers a write when it is on disk, and refuses writes
// rather than forget.
func (s *site) newRedis() (*Service, error) {
	owner, err := account("redis")
	if err != nil {
		return nil, err
	}
	data, config := s.layout.data("redis"), s.layout.path("etc", "redis.conf")
	password := s.record.RedisPassword
	content := fmt.Sprintf("bind %s\nport %d\nprotected-mode no\nrequirepass %s\ndir %s\n"+
		"appendonly yes\nappendfsync always\nsave \"\"\nmaxmemory-policy noeviction\ndaemonize no\n",
		gateway, portRedis, password, data)
	return &Service{
		supervisor: s.supervisor,
		program:    Program{Name: "redis", Path: s.binaries["redis-server"], Args: []string{config}, User: owner},
		prepare: func(context.Context) error {
			return errors.Join(ownFolder(data, owner), ownFile(config, content, owner))
		},
		ready: func(ctx context.Context) error { return pingRedis(ctx, onBridge(portRedis), password) },
		url:   fmt.Sprintf("redis://default:%s@%s/0", password, onBridge(portRedis)),
	}, nil
}

// newPostgres is PostgreSQL with one database, named as its user.
func (s *site) newPostgres() (*Service, error) {
	owner, err := account("postgres")
	if err != nil {
		return nil, err
	}
	binaries, err := postgresBinaries()
	if err != nil {
		return nil, err
	}
	data, password := s.layout.data("postgres"), s.record.PostgresPassword
	return &Service{
		supervisor: s.supervisor,
		program: Program{Name: "postgres", Path: binaries + "/postgres", User: owner, Dir: "/",
			// Smart shutdown (SIGTERM) would wait for the clients.
			Stop: syscall.SIGINT,
			Args: []string{"-D", data, "-c", "listen_addresses=" + gateway, "-c", "port=" + strconv.Itoa(portPostgres),
				"-c", "unix_socket_directories=", "-c", "max_connections=100"}},
		prepare: func(ctx context.Context) error {
			return initPostgres(ctx, postgresData{binaries: binaries, folder: data, password: password, owner: owner})
		},
		forget: func() error { return forgetKilled(data) },
		ready: func(ctx context.Context) error {
			_, err := command(ctx, binaries+"/pg_isready", "--quiet", "--host="+gateway, "--port="+strconv.Itoa(portPostgres))
			return err
		},
		url: fmt.Sprintf("postgres://%[1]s:%[2]s@%[3]s/%[1]s?sslmode=disable", postgresUser, password, onBridge(portPostgres)),
	}, nil
}
