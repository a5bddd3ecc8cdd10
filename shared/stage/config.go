package stage

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// The settings that several stages share. Each is an environment variable.
const (
	EnvNamespace  = "KUBERNAUT_NAMESPACE"
	EnvRedis      = "REDIS_URL"
	EnvSink       = "K_SINK"
	EnvKubeconfig = "KUBECONFIG"
	// EnvKubeContext picks a context of the kubeconfig; unset is the current one.
	EnvKubeContext = "KUBE_CONTEXT"
	EnvSealPrivate = "SEAL_PRIVATE_KEY"
	EnvSealPublic  = "SEAL_PUBLIC_KEYS"
	// EnvSealDir replaces both of them by a folder: the file named for the
	// stage is its key, and public the keys of all. Local systems use it.
	EnvSealDir = "SEAL_KEYS_DIR"

	EnvHistory   = "HISTORY_URL"
	EnvPolicyDir = "POLICY_DIR"
	// EnvSettings names a file of settings, for functions run by hand.
	EnvSettings  = "KUBERNAUT_SETTINGS"
	EnvLogLevel  = "LOG_LEVEL"
	EnvLogOutput = "LOG_OUTPUT"

	// EnvTurnWithin bounds the time from one event of a remediation to the
	// next, retries included; a remediation that is later is swept.
	EnvTurnWithin = "TURN_WITHIN"
	// EnvStabilization is how long an applied action is left alone before it
	// is assessed.
	EnvStabilization = "STABILIZATION"
	// EnvApprovalWithin bounds the wait for a person's answer.
	EnvApprovalWithin = "APPROVAL_WITHIN"
	// EnvCooldown is how long a target's alerts are counted as duplicates
	// instead of opening a remediation, after one that healed it or ended
	// otherwise.
	EnvCooldown = "COOLDOWN"
	EnvDryRun   = "DRY_RUN"
	// EnvInboxLease shortens the time for which a process that died blocks
	// the event, reservation or due item it was handling.
	EnvInboxLease = "INBOX_LEASE"
)

// Defaults of the shared settings.
const (
	DefaultNamespace      = "kubernaut-system"
	DefaultTurnWithin     = 10 * time.Minute
	DefaultStabilization  = 5 * time.Minute
	DefaultApprovalWithin = time.Hour
	DefaultCooldown       = 5 * time.Minute
)

// Config reads settings and gathers what is wrong with them, so that a user
// with three mistakes hears of all three at once.
type Config struct {
	values map[string]string
	errs   []error
}

// NewConfig reads from the map that a function's Start is given. func run
// hands over references to Secrets and ConfigMaps as they stand in func.yaml:
// those count as unset, and KUBERNAUT_SETTINGS may name a file of KEY=VALUE
// lines to take what is unset from.
func NewConfig(values map[string]string) *Config {
	c := &Config{values: make(map[string]string, len(values))}
	for name, value := range values {
		if !strings.HasPrefix(value, "{{") {
			c.values[name] = value
		}
	}
	if path := c.values[EnvSettings]; path != "" {
		c.fill(path)
	}
	return c
}

// fill takes what is unset from a file.
func (c *Config) fill(path string) {
	for n, line := range strings.Split(c.file(EnvSettings, path), "\n") {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			c.errs = append(c.errs, fmt.Errorf("setting %s: line %d of %s is not KEY=VALUE", EnvSettings, n+1, path))
			continue
		}
		if c.values[name] == "" {
			c.values[name] = value
		}
	}
}

// Err is everything that was wrong with the settings read until now.
func (c *Config) Err() error { return errors.Join(c.errs...) }

// String returns a setting, or the default where it is unset or empty.
func (c *Config) String(name, otherwise string) string {
	if v := strings.TrimSpace(c.values[name]); v != "" {
		return v
	}
	return otherwise
}

// Required returns a setting that must be there.
func (c *Config) Required(name, purpose string) string {
	v := c.String(name, "")
	if v == "" {
		c.errs = append(c.errs, fmt.Errorf("setting %s is missing: %s", name, purpose))
	}
	return v
}

// Secret returns a setting that may also be read from the file that
// <name>_FILE names, as mounted Secrets are.
func (c *Config) Secret(name, purpose string) string {
	file := c.String(name+"_FILE", "")
	if file == "" {
		return c.Required(name, purpose)
	}
	return c.file(name+"_FILE", file)
}

// file reads a file that the setting points to.
func (c *Config) file(setting, path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		c.errs = append(c.errs, fmt.Errorf("setting %s: %w", setting, err))
	}
	return string(b)
}

// Duration returns a positive duration in Go's notation, such as 90s.
func (c *Config) Duration(name string, otherwise time.Duration) time.Duration {
	return parse(c, name, otherwise, func(s string) (time.Duration, error) {
		d, err := time.ParseDuration(s)
		if err == nil && d <= 0 {
			err = errors.New("must be more than zero")
		}
		return d, err
	})
}

// Lease returns how long something may be held before others take its holder
// for dead: as given, or less where INBOX_LEASE says so.
func (c *Config) Lease(most time.Duration) time.Duration {
	return min(c.Duration(EnvInboxLease, most), most)
}

// Int returns a whole number that is not negative.
func (c *Config) Int(name string, otherwise int) int {
	return parse(c, name, otherwise, func(s string) (int, error) {
		n, err := strconv.Atoi(s)
		if err == nil && n < 0 {
			err = errors.New("must not be negative")
		}
		return n, err
	})
}

// Float returns a number that is not negative.
func (c *Config) Float(name string, otherwise float64) float64 {
	return parse(c, name, otherwise, func(s string) (float64, error) {
		n, err := strconv.ParseFloat(s, 64)
		if err == nil && n < 0 {
			err = errors.New("must not be negative")
		}
		return n, err
	})
}

// Bool returns true or false.
func (c *Config) Bool(name string, otherwise bool) bool {
	return parse(c, name, otherwise, strconv.ParseBool)
}

func parse[T any](c *Config, name string, otherwise T, read func(string) (T, error)) T {
	text := c.String(name, "")
	if text == "" {
		return otherwise
	}
	v, err := read(text)
	if err != nil {
		c.errs = append(c.errs, fmt.Errorf("setting %s: %q: %w", name, text, err))
		return otherwise
	}
	return v
}
