package bed

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// guardTable is the nftables table that keeps the cluster inside the machine.
const guardTable = "kubernaut_guard"

// guardRules rejects, before any other table sees it, what would cross between
// the cluster's addresses and another interface, either way, and what pods
// would send to other addresses of the machine. The last chain stands behind
// address translation: whatever kube-proxy makes of a packet, it stays.
const guardRules = `table inet ` + guardTable + ` {
	set inside {
		type ipv4_addr
		flags interval
		elements = { ` + podSpace + `, ` + serviceRange + ` }
	}
	chain forward {
		type filter hook forward priority -300; policy accept;
		iifname "` + bridge + `" oifname != "` + bridge + `" counter reject comment "forward-out"
		oifname "` + bridge + `" iifname != "` + bridge + `" counter reject comment "forward-in"
	}
	chain input {
		type filter hook input priority -300; policy accept;
		iifname != { "lo", "` + bridge + `" } ip daddr @inside counter reject comment "input-from-outside"
		iifname "` + bridge + `" ip daddr != { ` + gateway + `, ` + serviceRange + ` } counter reject comment "input-other-address"
	}
	chain output {
		type filter hook output priority -300; policy accept;
		oifname != { "lo", "` + bridge + `" } ip daddr @inside counter reject comment "output-to-inside"
		oifname != { "lo", "` + bridge + `" } ip saddr @inside counter reject comment "output-from-inside"
	}
	chain postrouting {
		type filter hook postrouting priority 300; policy accept;
		oifname != { "lo", "` + bridge + `" } ip saddr @inside counter drop comment "leave-from-inside"
		oifname != { "lo", "` + bridge + `" } ip daddr @inside counter drop comment "leave-to-inside"
	}
}
`

// guardComments are the rules that must be present; one for each way out or in.
var guardComments = []string{
	"forward-out", "forward-in", "input-from-outside", "input-other-address",
	"output-to-inside", "output-from-inside", "leave-from-inside", "leave-to-inside",
}

// raiseGuard makes rules, bridge and routes, in that order: there is never a
// bridge without rules.
func raiseGuard(ctx context.Context, owner string) error {
	if _, err := commandInput(ctx, guardRules, "nft", "-f", "-"); err != nil {
		return fmt.Errorf("make guard: %w", err)
	}
	steps := [][]string{
		// Bridged packets pass kube-proxy's translation on this bridge alone,
		// whatever the machine's own setting is.
		{"link", "add", "name", bridge, "type", "bridge", "nf_call_iptables", "1"},
		{"link", "set", "dev", bridge, "alias", owner},
		{"address", "add", bridgeRange, "dev", bridge},
		{"link", "set", "dev", bridge, "up"},
		{"route", "add", "unreachable", podSpace},
		// To the bridge: a packet of the machine is routed before kube-proxy
		// translates it, and must not be on its way out by then.
		{"route", "add", serviceRange, "dev", bridge},
	}
	for _, step := range steps {
		if _, err := command(ctx, "ip", step...); err != nil {
			return fmt.Errorf("make bridge: %w", err)
		}
	}
	// Pods reach Services through the machine: forwarding on the bridge alone,
	// gone with it, leaves the machine's own setting as it is.
	if err := writeSysctl("net.ipv4.conf."+bridge+".forwarding", "1"); err != nil {
		return fmt.Errorf("make bridge: %w", err)
	}
	return nil
}

// proveGuard checks that every rule and route is there, as the kernel tells it.
// Nothing of the cluster may start before.
func proveGuard(ctx context.Context) error {
	rules, err := command(ctx, "nft", "list", "table", "inet", guardTable)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnguarded, err)
	}
	if absent := absentRules(rules); len(absent) > 0 {
		return fmt.Errorf("%w: the rules %s of table %s are missing", ErrUnguarded, strings.Join(absent, ", "), guardTable)
	}
	return errors.Join(proveRoute(ctx, podSpace, "unreachable "+podSpace), proveRoute(ctx, serviceRange, "dev "+bridge))
}

// absentRules are the comments without a rule that rejects or drops.
func absentRules(rules string) []string {
	var absent []string
	for _, comment := range guardComments {
		if !hasRule(rules, comment) {
			absent = append(absent, comment)
		}
	}
	return absent
}

func hasRule(rules, comment string) bool {
	for line := range strings.Lines(rules) {
		blocks := strings.Contains(line, " reject") || strings.Contains(line, " drop")
		if blocks && strings.Contains(line, `comment "`+comment+`"`) {
			return true
		}
	}
	return false
}

func proveRoute(ctx context.Context, destination, want string) error {
	routes, err := command(ctx, "ip", "route", "show", "exact", destination)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnguarded, err)
	}
	if !strings.Contains(routes, want) {
		return fmt.Errorf("%w: the route %q is missing; found %q", ErrUnguarded, want, strings.TrimSpace(routes))
	}
	return nil
}

// bridgeOwner is the state folder whose bridge stands; empty when none does.
func bridgeOwner(ctx context.Context) (owner string, stands bool) {
	shown, err := command(ctx, "ip", "-details", "link", "show", "dev", bridge)
	if err != nil {
		return "", false
	}
	for line := range strings.Lines(shown) {
		if alias, found := strings.CutPrefix(strings.TrimSpace(line), "alias "); found {
			return alias, true
		}
	}
	return "", true
}

// leftOnNetwork says whether a bridge of that bed stands, or rules that no bridge
// says the owner of: whoever took them down was killed in between.
func leftOnNetwork(ctx context.Context, l layout) bool {
	owner, stands := bridgeOwner(ctx)
	if stands {
		return owner == string(l)
	}
	_, err := command(ctx, "nft", "list", "table", "inet", guardTable)
	return err == nil
}

// dropGuard removes bridge, routes and kube-proxy's tables, and the rules last.
func dropGuard(ctx context.Context) error {
	var failed []error
	drop := func(name string, args ...string) {
		if _, err := command(ctx, name, args...); err != nil && !alreadyGone(err) {
			failed = append(failed, err)
		}
	}
	// The bridge takes its address and the Services' route along.
	drop("ip", "link", "delete", "dev", bridge)
	drop("ip", "route", "delete", "unreachable", podSpace)
	drop("nft", "delete", "table", "ip", "kube-proxy")
	drop("nft", "delete", "table", "ip6", "kube-proxy")
	drop("nft", "delete", "table", "inet", guardTable)
	if err := errors.Join(failed...); err != nil {
		return fmt.Errorf("remove bridge: %w", err)
	}
	return nil
}

// alreadyGone recognises what ip and nft say of things that are not there.
func alreadyGone(err error) bool {
	said := err.Error()
	return strings.Contains(said, "Cannot find device") || strings.Contains(said, "No such process") ||
		strings.Contains(said, "No such file or directory")
}
