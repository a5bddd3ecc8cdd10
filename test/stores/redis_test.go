package stores

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/ledger"
)

const root = "../.."

// scripts are those of the replicated Redis.
const scripts = root + "/deploy/stores/redis-replicated"

// The ports of the three Redis and their sentinels: not the usual ones, which
// may be taken on every address.
const (
	redisPort    = "16379"
	sentinelPort = "26380"
	redisWord    = "word"
	// downAfter is how long a leader may be silent, in milliseconds.
	downAfter = "1000"
	// failoverWithin bounds a take-over on a busy machine.
	failoverWithin = time.Minute
)

// node is one pod of the replicated Redis, as two processes on a loopback
// address of its own.
type node struct {
	address, dir    string
	redis, sentinel *exec.Cmd
}

// trio is the StatefulSet.
type trio struct {
	t     *testing.T
	nodes [3]*node
}

func newTrio(t *testing.T) *trio {
	t.Helper()
	for _, name := range []string{"redis-server", "redis-cli", "timeout"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("%s is not installed (Debian's redis-server): %v", name, err)
		}
	}
	// The shell reads these: only what the test itself has read makes go run it again.
	for _, name := range []string{"redis.sh", "sentinel.sh", "leader.sh", "redis.conf"} {
		_, err := os.ReadFile(filepath.Join(scripts, name))
		require.NoError(t, err)
	}
	r := &trio{t: t}
	prefix := fmt.Sprintf("127.%d.%d.", 64+rand.IntN(128), 1+rand.IntN(250))
	for i := range r.nodes {
		r.nodes[i] = &node{address: prefix + fmt.Sprint(i+1), dir: t.TempDir()}
		for _, sub := range []string{"data", "run"} {
			require.NoError(t, os.Mkdir(filepath.Join(r.nodes[i].dir, sub), 0o700))
		}
	}
	return r
}

func (r *trio) hosts() []string {
	return []string{r.nodes[0].address, r.nodes[1].address, r.nodes[2].address}
}

// env is what the StatefulSet sets, but for addresses.
func (r *trio) env(n *node) []string {
	auth := filepath.Join(n.dir, "auth.conf")
	require.NoError(r.t, os.WriteFile(auth, []byte("requirepass "+redisWord+"\nmasterauth "+redisWord+"\n"), 0o600))
	return append(os.Environ(), "SELF="+n.address, "BIND="+n.address, "HOSTS="+strings.Join(r.hosts(), " "),
		"PORT="+redisPort, "SENTINEL_PORT="+sentinelPort, "CONFIG="+filepath.Join(scripts, "redis.conf"), "AUTH="+auth,
		"DATA="+filepath.Join(n.dir, "data"), "RUN="+filepath.Join(n.dir, "run"),
		"DOWN_AFTER="+downAfter, "FAILOVER_WITHIN=5000", "ANYWAY_AFTER=600", "REDISCLI_AUTH="+redisWord)
}

// start runs one of the scripts and leaves its output beside the data.
func (r *trio) start(n *node, script string) *exec.Cmd {
	r.t.Helper()
	log, err := os.OpenFile(filepath.Join(n.dir, script+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(r.t, err)
	defer log.Close()
	cmd := exec.Command("sh", filepath.Join(scripts, script))
	cmd.Env, cmd.Stdout, cmd.Stderr = r.env(n), log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	require.NoError(r.t, cmd.Start())
	r.t.Cleanup(func() { r.kill(cmd) })
	return cmd
}

func (r *trio) startAll() {
	for _, n := range r.nodes {
		n.redis, n.sentinel = r.start(n, "redis.sh"), r.start(n, "sentinel.sh")
	}
}

func (r *trio) kill(cmd *exec.Cmd) {
	if cmd.ProcessState != nil {
		return
	}
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	_ = cmd.Wait()
}

func (r *trio) killAll() {
	for _, n := range r.nodes {
		r.kill(n.redis)
		r.kill(n.sentinel)
	}
}

// open connects as functions do, by the sentinels.
func (r *trio) open() *ledger.Ledger {
	r.t.Helper()
	hosts := make([]string, len(r.nodes))
	for i, host := range r.hosts() {
		hosts[i] = host + ":" + sentinelPort
	}
	l, err := ledger.Open("redis://:" + redisWord + "@" + strings.Join(hosts, ",") + "/0?master_name=kubernaut")
	require.NoError(r.t, err)
	r.t.Cleanup(func() { require.NoError(r.t, l.Close()) })
	return l
}

// say runs redis-cli against one node.
func (n *node) say(ctx context.Context, args ...string) string {
	cmd := exec.CommandContext(ctx, "redis-cli", append([]string{"-h", n.address, "-p", redisPort, "--raw"}, args...)...)
	cmd.Env = append(os.Environ(), "REDISCLI_AUTH="+redisWord)
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	return string(out)
}

// leads tells whether the node is a leader with this many replicas.
func (n *node) leads(ctx context.Context, replicas int) bool {
	info := n.say(ctx, "info", "replication")
	return strings.Contains(info, "role:master") && strings.Count(info, "state=online") == replicas
}

// watched tells whether the node's sentinel knows the two other sentinels and
// both replicas: before that, no take-over is possible.
func (n *node) watched(ctx context.Context) bool {
	cmd := exec.CommandContext(ctx, "redis-cli", "-h", n.address, "-p", sentinelPort, "--raw", "sentinel", "master", "kubernaut")
	cmd.Env = append(os.Environ(), "REDISCLI_AUTH="+redisWord)
	out, err := cmd.Output()
	return err == nil && strings.Contains(string(out), "\nnum-slaves\n2\n") && strings.Contains(string(out), "\nnum-other-sentinels\n2\n")
}

func (r *trio) allWatched() bool {
	return r.nodes[0].watched(r.t.Context()) && r.nodes[1].watched(r.t.Context()) && r.nodes[2].watched(r.t.Context())
}

// electable tells whether every replica has caught up and may lead.
func (r *trio) electable() bool {
	for _, n := range r.nodes {
		if info := n.say(r.t.Context(), "info", "replication"); info == "" || strings.Contains(info, "slave_priority:0") {
			return false
		}
	}
	return true
}

func (n *node) follows(ctx context.Context, leader string) bool {
	info := n.say(ctx, "info", "replication")
	return strings.Contains(info, "master_host:"+leader) && strings.Contains(info, "master_link_status:up")
}

func (r *trio) eventually(what string, ok func() bool) {
	r.t.Helper()
	if !within(failoverWithin, ok) {
		for _, n := range r.nodes {
			for _, log := range []string{"redis.sh.log", "sentinel.sh.log"} {
				text, _ := os.ReadFile(filepath.Join(n.dir, log))
				r.t.Logf("%s %s:\n%s", n.address, log, text)
			}
		}
		require.Fail(r.t, what)
	}
}

// within waits for a condition of another process.
func within(limit time.Duration, ok func() bool) bool {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(limit); ; {
		if ok() {
			return true
		}
		select {
		case <-end:
			return false
		case <-tick.C:
		}
	}
}

// remember stores a pause, as a write that must outlive what follows: one that
// has reached every Redis that is up. What only the leader knew may go with it.
func (r *trio) remember(l *ledger.Ledger, reason string) {
	r.t.Helper()
	r.eventually("a write is taken", func() bool {
		return l.Pause(r.t.Context(), ledger.Pause{By: "test", Reason: reason}) == nil
	})
	r.eventually("the write has reached every Redis", func() bool {
		for _, n := range r.nodes {
			if n.redis.ProcessState == nil && !n.knows(r.t.Context(), reason) {
				return false
			}
		}
		return true
	})
}

// knows tells whether the node has the pause, its only key, with the reason.
func (n *node) knows(ctx context.Context, reason string) bool {
	key := strings.TrimSpace(n.say(ctx, "randomkey"))
	return key != "" && strings.Contains(n.say(ctx, "hget", key, "body"), reason)
}

func (r *trio) remembers(l *ledger.Ledger, reason string) {
	r.t.Helper()
	r.eventually("the write is still known", func() bool {
		p, found, err := l.Paused(r.t.Context())
		return err == nil && found && p.Reason == reason
	})
}

func TestTheReplicatedRedisOutlivesItsLeaderItsDiskAndARestartOfAll(t *testing.T) {
	r := newTrio(t)
	ctx := t.Context()
	r.startAll()
	r.eventually("the first node leads the two others", func() bool { return r.nodes[0].leads(ctx, 2) })
	r.eventually("the sentinels know each other and the replicas", r.allWatched)
	r.eventually("the replicas have caught up", r.electable)
	r.nobodyElseIsHeard()
	l := r.open()
	r.remember(l, "before the leader died")

	r.kill(r.nodes[0].redis)
	r.kill(r.nodes[0].sentinel)
	var leader *node
	r.eventually("another node leads", func() bool {
		for _, n := range r.nodes[1:] {
			if n.leads(ctx, 1) {
				leader = n
			}
		}
		return leader != nil
	})
	r.remembers(l, "before the leader died")
	r.remember(l, "after it died")

	r.nodes[0].redis, r.nodes[0].sentinel = r.start(r.nodes[0], "redis.sh"), r.start(r.nodes[0], "sentinel.sh")
	r.eventually("the former leader follows", func() bool { return r.nodes[0].follows(ctx, leader.address) })

	r.killAll()
	r.forgetPasswords()
	r.startAll()
	r.eventually("after a restart of all, one leads two", func() bool {
		return r.nodes[0].leads(ctx, 2) || r.nodes[1].leads(ctx, 2) || r.nodes[2].leads(ctx, 2)
	})
	r.remembers(l, "after it died")
	r.nobodyElseIsHeard()
	r.eventually("the sentinels know each other and the replicas", r.allWatched)
	r.eventually("the replicas have caught up", r.electable)
	r.loseDisk(l)
}

// forgetPasswords makes the sentinels' files those of sentinels that had none.
func (r *trio) forgetPasswords() {
	for _, n := range r.nodes {
		path := filepath.Join(n.dir, "data", "sentinel.conf")
		text, err := os.ReadFile(path)
		require.NoError(r.t, err)
		kept := slices.DeleteFunc(strings.Split(string(text), "\n"), func(line string) bool {
			return strings.HasPrefix(line, "user default ") || strings.HasPrefix(line, "requirepass ")
		})
		text = []byte(strings.Join(append(kept, "user default on nopass sanitize-payload ~* &* +@all", ""), "\n"))
		require.NoError(r.t, os.WriteFile(path, text, 0o600))
	}
}

// nobodyElseIsHeard asks a sentinel to watch another Redis, as somebody without
// the password would to have the functions bring it there.
func (r *trio) nobodyElseIsHeard() {
	cmd := exec.CommandContext(r.t.Context(), "redis-cli", "-h", r.nodes[0].address, "-p", sentinelPort, "sentinel", "remove", "kubernaut")
	said, err := cmd.CombinedOutput()
	require.NoError(r.t, err)
	require.Contains(r.t, string(said), "NOAUTH")
}

// loseDisk takes the leader's data away and starts it at once, before anybody
// noticed: it must not lead the others into forgetting.
func (r *trio) loseDisk(l *ledger.Ledger) {
	ctx := r.t.Context()
	var leader *node
	r.eventually("somebody leads", func() bool {
		for _, n := range r.nodes {
			if n.leads(ctx, 2) {
				leader = n
			}
		}
		return leader != nil
	})
	r.kill(leader.redis)
	require.NoError(r.t, os.RemoveAll(filepath.Join(leader.dir, "data", "appendonlydir")))
	r.eventually("it comes back as a follower", func() bool {
		if leader.redis.ProcessState != nil || exited(leader.redis) {
			leader.redis = r.start(leader, "redis.sh")
		}
		return strings.Contains(leader.say(ctx, "info", "replication"), "role:slave")
	})
	r.remembers(l, "after it died")
}

// exited reaps a process that has ended, as a kubelet would before it starts
// the container again.
func exited(cmd *exec.Cmd) bool {
	var status syscall.WaitStatus
	pid, err := syscall.Wait4(cmd.Process.Pid, &status, syscall.WNOHANG, nil)
	return err != nil || pid == cmd.Process.Pid
}

// TestSentinelsWithoutAPasswordServeToo: those of a user's own, and those of an
// earlier version, whose functions are deployed before they are.
func TestSentinelsWithoutAPasswordServeToo(t *testing.T) {
	r := newTrio(t)
	n := r.nodes[0]
	n.redis = r.start(n, "redis.sh")
	r.eventually("Redis answers", func() bool { return strings.Contains(n.say(t.Context(), "ping"), "PONG") })
	conf := filepath.Join(n.dir, "run", "open.conf")
	require.NoError(t, os.WriteFile(conf, []byte(strings.Join([]string{"port " + sentinelPort, "bind " + n.address, "dir " + filepath.Join(n.dir, "run"),
		"sentinel monitor kubernaut " + n.address + " " + redisPort + " 1", "sentinel auth-pass kubernaut " + redisWord, ""}, "\n")), 0o600))
	sentinel := exec.Command("redis-server", conf, "--sentinel")
	sentinel.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	require.NoError(t, sentinel.Start())
	t.Cleanup(func() { r.kill(sentinel) })
	l, err := ledger.Open("redis://:" + redisWord + "@" + n.address + ":" + sentinelPort + "/0?master_name=kubernaut")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	r.eventually("the ledger finds Redis", func() bool { return l.Ping(t.Context()) == nil })
}
