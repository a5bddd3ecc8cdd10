package cluster_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	discoveryfake "k8s.io/client-go/discovery/fake"
	clienttesting "k8s.io/client-go/testing"

	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/event"
)

// slow is a question to the API server that answers when it is told to.
type slow struct {
	mu      sync.Mutex
	asked   int
	entered chan struct{}
	leave   chan error
}

// hold makes a verb on a resource wait for leave.
func (b *bed) hold(verb, resource string) *slow {
	s := &slow{entered: make(chan struct{}, 100), leave: make(chan error)}
	b.kube.PrependReactor(verb, resource, func(clienttesting.Action) (bool, runtime.Object, error) {
		s.mu.Lock()
		s.asked++
		s.mu.Unlock()
		s.entered <- struct{}{}
		err := <-s.leave
		return err != nil, nil, err
	})
	return s
}

func (s *slow) times() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func (b *bed) node(t *testing.T, name, address string) {
	t.Helper()
	_, err := b.kube.CoreV1().Nodes().Create(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name},
		Status: corev1.NodeStatus{Addresses: []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: address}}}}, metav1.CreateOptions{})
	require.NoError(t, err)
}

func TestAKnownNodeIsFoundWhileTheListIsReadAnew(t *testing.T) {
	b := newBed(t)
	b.node(t, "worker-1", "10.0.0.31")
	want, err := b.NodeByAddress(t.Context(), "10.0.0.31")
	require.NoError(t, err)
	s := b.hold("list", "nodes")
	b.advance(90 * time.Second)

	var strangers sync.WaitGroup
	for range 20 {
		strangers.Go(func() {
			_, err := b.NodeByAddress(t.Context(), "10.0.0.99")
			require.ErrorIs(t, err, cluster.ErrGone)
		})
	}
	<-s.entered
	for range 20 {
		got, err := b.NodeByAddress(t.Context(), "10.0.0.31")
		require.NoError(t, err, "it waits for nobody")
		require.Equal(t, want, got)
	}
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = b.NodeByAddress(impatient, "10.0.0.98")
	require.ErrorIs(t, err, context.Canceled, "who waits, waits no longer than its own deadline")
	s.leave <- nil
	strangers.Wait()
	require.Equal(t, 1, s.times(), "one list for all")
}

func TestAnOldListOfNodesIsNotBelieved(t *testing.T) {
	b := newBed(t)
	b.node(t, "worker-1", "10.0.0.31")
	_, err := b.NodeByAddress(t.Context(), "10.0.0.31")
	require.NoError(t, err)
	down := errors.New("connection refused")
	b.kube.PrependReactor("list", "nodes", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, down })
	b.advance(2 * time.Minute)
	_, err = b.NodeByAddress(t.Context(), "10.0.0.31")
	require.ErrorIs(t, err, down)
	require.NotErrorIs(t, err, cluster.ErrGone, "it may pass")
}

func TestAKnownKindIsFoundWhileDiscoveryRuns(t *testing.T) {
	b := newBed(t)
	_, err := b.KindsByWord(t.Context(), "rollout")
	require.NoError(t, err)
	s := b.hold("get", "group")
	b.advance(15 * time.Minute)
	for range 20 {
		kinds, err := b.KindsByWord(t.Context(), "rollout")
		require.NoError(t, err, "it waits for nobody")
		require.Len(t, kinds, 1)
	}
	<-s.entered
	thing := event.Target{Kind: "Thing.example.org", Namespace: "shop", Name: "x"}
	answered := make(chan struct{})
	go func() {
		for {
			select {
			case s.leave <- errors.New("connection refused"):
			case <-answered:
				return
			}
		}
	}()
	_, err = b.Owners(t.Context(), thing)
	close(answered)
	require.Error(t, err)
	require.NotErrorIs(t, err, cluster.ErrUnknownKind, "nobody knows that there is no such kind")
}

func TestAWordThatIsNoKindIsAnsweredFromMemory(t *testing.T) {
	b := newBed(t)
	_, err := b.KindsByWord(t.Context(), "tenant")
	require.NoError(t, err)
	s := b.hold("get", "group")
	b.advance(time.Minute)
	for range 100 {
		_, err := b.KindsByWord(t.Context(), "tenant")
		require.NoError(t, err)
	}
	require.Zero(t, s.times())

	t.Run("and becomes one soon after somebody installs it", func(t *testing.T) {
		resources := append(served(), &metav1.APIResourceList{GroupVersion: "example.org/v1", APIResources: []metav1.APIResource{
			{Name: "tenants", SingularName: "tenant", Kind: "Tenant", Namespaced: true, Verbs: metav1.Verbs{"get"}}}})
		b.kube.Discovery().(*discoveryfake.FakeDiscovery).Resources = resources
		b.advance(2 * time.Minute)
		_, err := b.KindsByWord(t.Context(), "tenant")
		require.NoError(t, err)
		<-s.entered
		s.leave <- nil
		require.Eventually(t, func() bool {
			kinds, err := b.KindsByWord(t.Context(), "tenant")
			return err == nil && len(kinds) == 1
		}, time.Minute, time.Millisecond)
	})
}
