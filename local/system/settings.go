package system

import (
	"fmt"
	"maps"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"kubernaut.ai/shared/stage"
)

// SettingsFile is the name of the file, in Options.Dir, that holds the settings
// of a running system for functions run by hand.
const SettingsFile = "settings"

// shared are the settings that every function gets.
func (s *System) shared() map[string]string {
	o := s.options
	settings := map[string]string{
		stage.EnvRedis:         o.RedisURL,
		stage.EnvHistory:       o.HistoryURL,
		stage.EnvKubeconfig:    o.Kubeconfig,
		stage.EnvKubeContext:   o.Context,
		stage.EnvSink:          orDefault(o.SinkURL, s.SinkURL()),
		stage.EnvSealDir:       s.keys.dir,
		stage.EnvNamespace:     stage.DefaultNamespace,
		stage.EnvLogLevel:      o.LogLevel,
		stage.EnvLogOutput:     o.LogOutput,
		stage.EnvStabilization: o.Stabilization.String(),
		stage.EnvDryRun:        strconv.FormatBool(o.DryRun),
		"STAGE_URLS":           s.stageURLs(),
		"GATEWAY_AUTH":         orDefault(os.Getenv("GATEWAY_AUTH"), "loopback"),
		"APPROVE_AUTH":         "local",
		"APPROVER":             whoami(),
	}
	if s.cluster != nil {
		// Its clock runs fast: what takes minutes in a cluster takes seconds.
		settings[stage.EnvTurnWithin] = defaultTurnWithin.String()
		settings["GITOPS_EXTRA"] = gitOpsExtraSimulated.String()
		settings["PROACTIVE_EXTRA"] = gitOpsExtraSimulated.String()
		settings["ASSESS_RETRY"] = o.Stabilization.String()
	}
	maps.Copy(settings, o.Settings)
	return settings
}

// stageURLs tells deadletter whose subscriber an address is: in a cluster the
// host's name says so, on loopback nothing does.
func (s *System) stageURLs() string {
	urls := maps.Clone(s.options.Elsewhere)
	if urls == nil {
		urls = map[string]string{}
	}
	for name, m := range s.members {
		urls[name] = m.url()
	}
	pairs := make([]string, 0, len(urls))
	for _, name := range slices.Sorted(maps.Keys(urls)) {
		pairs = append(pairs, name+"="+urls[name])
	}
	return strings.Join(pairs, ",")
}

// settingsOf is what one function is given: its process's environment, as
// func-go gives it, under the settings of this system.
func (s *System) settingsOf(name string) map[string]string {
	settings := map[string]string{}
	for _, pair := range os.Environ() {
		if key, value, ok := strings.Cut(pair, "="); ok {
			settings[key] = value
		}
	}
	maps.Copy(settings, s.settings)
	return settings
}

// WriteSettings writes the settings for functions that are run by hand
// against this system, and returns the file's path.
func (s *System) WriteSettings() (string, error) {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s.settings)) {
		if name == stage.EnvLogOutput || s.settings[name] == "" {
			continue
		}
		fmt.Fprintf(&b, "%s=%s\n", name, s.settings[name])
	}
	path := filepath.Join(s.options.Dir, SettingsFile)
	if err := os.WriteFile(path, []byte(b.String()), secretMode); err != nil {
		return "", fmt.Errorf("write settings: %w", err)
	}
	return path, nil
}

func whoami() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "local"
}
