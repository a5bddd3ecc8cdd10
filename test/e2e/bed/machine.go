package bed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// touched is what a cluster's parts change on the machine outside the state
// folder, as it was before: taken first, given back last.
type touched struct {
	// Sysctls are the kernel settings that kubelet and kube-proxy write.
	Sysctls map[string]string
	// Absent are the paths that parts make where they cannot be told otherwise.
	Absent []string
}

// writtenSysctls are set by the kubelet at its start, whatever its flags.
var writtenSysctls = []string{
	"vm.overcommit_memory", "vm.panic_on_oom", "kernel.panic", "kernel.panic_on_oops",
	"kernel.keys.root_maxkeys", "kernel.keys.root_maxbytes", "net.ipv4.ip_forward",
}

// writtenPaths cannot be moved by a flag: the kubelet's device plugins and log
// links, the controllers' volume plugins, containerd's shim sockets, the CNI plugins'
// cache.
var writtenPaths = []string{
	"/var/lib/kubelet", "/var/lib/cni", "/var/log/containers", "/run/containerd", "/usr/libexec/kubernetes",
}

func takeStock() touched {
	before := touched{Sysctls: map[string]string{}}
	for _, name := range writtenSysctls {
		if content, err := os.ReadFile(sysctlPath(name)); err == nil {
			before.Sysctls[name] = strings.TrimSpace(string(content))
		}
	}
	for _, path := range writtenPaths {
		if _, err := os.Lstat(path); missing(err) {
			before.Absent = append(before.Absent, path)
		}
	}
	return before
}

// giveBack restores the settings and removes the paths that were not there.
func (t touched) giveBack() error {
	var failed []error
	for name, value := range t.Sysctls {
		now, err := os.ReadFile(sysctlPath(name))
		if err == nil && strings.TrimSpace(string(now)) == value {
			continue
		}
		if err := writeSysctl(name, value); err != nil {
			failed = append(failed, err)
		}
	}
	for _, path := range t.Absent {
		if err := os.RemoveAll(path); err != nil {
			failed = append(failed, fmt.Errorf("remove %s: %w", path, err))
		}
	}
	return errors.Join(failed...)
}

func sysctlPath(name string) string {
	return filepath.Join("/proc/sys", strings.ReplaceAll(name, ".", "/"))
}

func writeSysctl(name, value string) error {
	if err := os.WriteFile(sysctlPath(name), []byte(value), 0); err != nil {
		return fmt.Errorf("set %s: %w", name, err)
	}
	return nil
}

// package that brings each program, on Debian.
var programs = []struct{ name, packageName string }{
	{"containerd", "containerd"},
	{"crun", "crun"},
	{"nft", "nftables"},
	{"ip", "iproute2"},
	{"conntrack", "conntrack"},
	{"ipset", "ipset"},
	{"modprobe", "kmod"},
	{"ethtool", "ethtool"},
	{"redis-server", "redis-server"},
	{"prometheus-alertmanager", "prometheus-alertmanager"},
}

// modules that a machine may have as modules; where they are built in, as in
// many small kernels, modprobe has nothing to find.
var modules = []string{"overlay", "bridge", "br_netfilter", "veth", "nf_tables", "nf_conntrack"}

// examine refuses a machine that cannot carry the bed, naming every reason at once.
func examine(ctx context.Context) error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("%w: run it as root, or with sudo", ErrNotRoot)
	}
	var packages []string
	for _, program := range programs {
		if _, err := lookPath(program.name); err != nil {
			packages = append(packages, program.packageName)
		}
	}
	if _, err := os.Stat(cniPlugins + "/bridge"); err != nil {
		packages = append(packages, "containernetworking-plugins")
	}
	if _, err := postgresBinaries(); err != nil {
		packages = append(packages, "postgresql")
	}
	if len(packages) > 0 {
		return fmt.Errorf("%w: apt-get install --no-install-recommends %s", ErrMissing, strings.Join(packages, " "))
	}
	for _, module := range modules {
		_, _ = command(ctx, "modprobe", "--quiet", module)
	}
	if owner, stands := bridgeOwner(ctx); stands {
		return fmt.Errorf("%w: the bridge %s stands already, made by the bed in %q; end that one first (%s=%s)", ErrTaken, bridge, owner, StateVariable, owner)
	}
	if groups := podCgroups(); len(groupProcesses(groups)) > 0 {
		return fmt.Errorf("%w: another kubelet's pods run here (%s); the bed must be the only one", ErrTaken, groups[0])
	}
	// Of a bed of which nothing else is left.
	return within(ctx, removePodCgroups)
}
