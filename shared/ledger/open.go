package ledger

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Short enough that a stage answers 503 well within its turn of 25 s.
const (
	defaultDialTimeout = time.Second
	defaultIOTimeout   = 2 * time.Second
	defaultMaxRetries  = 1
	dialAttempts       = 1 // the sender retries, and waits less for our 503
	maxHosts           = 64
)

type settings struct {
	dialTimeout time.Duration
	ioTimeout   time.Duration
	poolSize    int
	hooks       []redis.Hook
}

func defaultSettings() settings {
	return settings{dialTimeout: defaultDialTimeout, ioTimeout: defaultIOTimeout}
}

// Option changes how Open connects.
type Option func(*settings)

// WithTimeouts sets the timeout of a dial, and of each read and write.
func WithTimeouts(dial, io time.Duration) Option {
	return func(s *settings) { s.dialTimeout, s.ioTimeout = dial, io }
}

// WithPoolSize bounds the connections to each Redis node; 0 is go-redis's default.
func WithPoolSize(n int) Option {
	return func(s *settings) { s.poolSize = n }
}

// WithHook observes every command: for tracing, metrics and fault injection.
func WithHook(hook redis.Hook) Option {
	return func(s *settings) { s.hooks = append(s.hooks, hook) }
}

// errURL replaces the parser's own words, which may quote the password.
var errURL = errors.New("malformed redis URL")

func newClient(raw string, s settings) (redis.UniversalClient, error) {
	target, err := parseTarget(raw)
	if err != nil {
		return nil, err
	}
	base := target.base
	common := &redis.UniversalOptions{
		Addrs: target.hosts, DB: base.DB, Username: base.Username, Password: base.Password,
		TLSConfig: base.TLSConfig, MasterName: target.master, SentinelPassword: target.sentinelWord,
		DialTimeout: s.dialTimeout, ReadTimeout: s.ioTimeout, WriteTimeout: s.ioTimeout,
		ContextTimeoutEnabled: true, MaxRetries: defaultMaxRetries, PoolSize: s.poolSize,
		DialerRetries:   dialAttempts,
		DisableIdentity: true,
	}
	client := connect(target, common)
	for _, hook := range s.hooks {
		client.AddHook(hook)
	}
	return client, nil
}

func connect(t target, common *redis.UniversalOptions) redis.UniversalClient {
	quiet := &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	switch {
	case t.master != "":
		return redis.NewFailoverClient(common.Failover())
	case t.cluster:
		o := common.Cluster()
		o.MaintNotificationsConfig = quiet
		return redis.NewClusterClient(o)
	default:
		o := common.Simple()
		o.Network, o.MaintNotificationsConfig = t.base.Network, quiet
		return redis.NewClient(o)
	}
}

type target struct {
	base    *redis.Options
	hosts   []string
	cluster bool
	master  string
	// sentinelWord is the password that sentinels are told: that of the Redis which
	// they watch. Those that have none take any.
	sentinelWord string
}

// parseTarget takes our own query parameters and the list of hosts out of
// the URL and leaves the rest to go-redis.
func parseTarget(raw string) (target, error) {
	hosts, single, err := splitHosts(raw)
	if err != nil {
		return target{}, err
	}
	u, err := url.Parse(single)
	if err != nil {
		return target{}, errURL
	}
	query := u.Query()
	t := target{cluster: query.Get("cluster") == "true", master: query.Get("master_name")}
	guarded := query.Get("sentinel_auth") != "false"
	for _, own := range []string{"cluster", "master_name", "sentinel_auth"} {
		query.Del(own)
	}
	u.RawQuery = query.Encode()
	if t.base, err = redis.ParseURL(u.String()); err != nil {
		return target{}, errURL
	}
	if guarded {
		t.sentinelWord = t.base.Password
	}
	if t.hosts = hosts; len(t.hosts) < 2 {
		t.hosts = []string{t.base.Addr}
	}
	if len(t.hosts) > 1 && !t.cluster && t.master == "" {
		return target{}, fmt.Errorf("%w: several hosts need cluster=true or master_name", errURL)
	}
	if t.cluster && t.base.DB != 0 {
		return target{}, fmt.Errorf("%w: Redis Cluster has only database 0", errURL)
	}
	return t, nil
}

// splitHosts returns all hosts and the URL with only the first of them, since
// net/url knows one port.
func splitHosts(raw string) ([]string, string, error) {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return nil, "", errURL
	}
	if scheme == "unix" {
		return nil, raw, nil
	}
	authority, tail := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, tail = rest[:i], rest[i:]
	}
	user, list := "", authority
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		user, list = authority[:i+1], authority[i+1:]
	}
	hosts := strings.Split(list, ",")
	if len(hosts) > maxHosts {
		return nil, "", fmt.Errorf("%w: more than %d hosts", errURL, maxHosts)
	}
	for _, host := range hosts[1:] {
		if !strings.Contains(host, ":") {
			return nil, "", fmt.Errorf("%w: every host of a list needs a port", errURL)
		}
	}
	return hosts, scheme + "://" + user + hosts[0] + tail, nil
}
