package function

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clienttesting "k8s.io/client-go/testing"

	"kubernaut.ai/shared/cluster"
	"kubernaut.ai/shared/event"
)

var forbidden = apierrors.NewForbidden(schema.GroupResource{Resource: "x"}, "x", errors.New("no"))

// What fails is named, and only that is missing.
func TestAPartThatCannotBeReadIsNamedAndTheRestGoesOn(t *testing.T) {
	everything := func(c event.Context) map[string]bool {
		return map[string]bool{PartTarget: c.Target.UID != "", PartOwners: len(c.Owners) > 0, PartNamespace: len(c.NamespaceLabels) > 0,
			PartWorkload: c.Workload != nil, PartPods: len(c.Pods) > 0, PartEvents: len(c.Events) > 0, PartRevisions: len(c.Revisions) > 0,
			PartAutoscaler: c.Autoscaler != nil, PartBudgets: len(c.Budgets) > 0, PartNode: c.Node != nil,
			PartUsage: len(c.Containers) > 0 && len(c.Containers[0].Usage) > 0}
	}
	tests := []struct {
		part           string
		verb, resource string
		// missing are the parts that rest on this one.
		missing []string
	}{
		{PartTarget, "get", "deployments", []string{PartOwners, PartWorkload, PartRevisions, PartUsage, PartBudgets}},
		{PartNamespace, "get", "namespaces", nil},
		{PartPods, "list", "pods", []string{PartNode}},
		{PartEvents, "list", "events", nil},
		{PartRevisions, "list", "replicasets", nil},
		{PartAutoscaler, "list", "horizontalpodautoscalers", nil},
		{PartBudgets, "list", "poddisruptionbudgets", nil},
		{PartNode, "get", "nodes", nil},
	}
	for _, test := range tests {
		t.Run(test.part, func(t *testing.T) {
			w := newWorld(t)
			w.fail(test.verb, test.resource, forbidden)
			got, err := w.enricher.enrich(t.Context(), crashingPod())
			require.NoError(t, err)
			require.Contains(t, got.Unavailable, event.Unavailable{Part: test.part, Reason: ReasonForbidden})
			for part, there := range everything(got) {
				expected := part != test.part
				for _, also := range test.missing {
					expected = expected && part != also
				}
				if part == PartBudgets && test.part == PartTarget {
					continue
				}
				require.Equal(t, expected, there, "part %s", part)
			}
		})
	}
	t.Run("nothing fails", func(t *testing.T) {
		got, err := newWorld(t).enricher.enrich(t.Context(), crashingPod())
		require.NoError(t, err)
		require.Empty(t, got.Unavailable)
		for part, there := range everything(got) {
			require.True(t, there, "part %s", part)
		}
	})
}

func TestUsageThatIsNotThereIsNamed(t *testing.T) {
	for err, reason := range map[error]string{errNotInstalled: ReasonNotInstalled, forbidden: ReasonForbidden,
		fmt.Errorf("%w: pod metrics", errMalformed): ReasonMalformed} {
		w := newWorld(t)
		w.enricher.meter = fakeMeter{measured: func(context.Context, podQuery) (usage, error) { return nil, err }}
		got, e := w.enricher.enrich(t.Context(), crashingPod())
		require.NoError(t, e)
		require.Equal(t, []event.Unavailable{{Part: PartUsage, Reason: reason}}, got.Unavailable)
	}
}

func TestAReadThatHangsCostsItsPartAndNotTheTurn(t *testing.T) {
	w := newWorld(t)
	synctest.Test(t, func(t *testing.T) {
		w.enricher.meter = fakeMeter{measured: func(ctx context.Context, _ podQuery) (usage, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}
		began := time.Now()
		got, err := w.enricher.enrich(t.Context(), crashingPod())
		require.NoError(t, err)
		require.Equal(t, []event.Unavailable{{Part: PartUsage, Reason: ReasonTimeout}}, got.Unavailable)
		require.Equal(t, partTimeout, time.Since(began))
	})
}

func TestATurnThatEndsStopsTheReading(t *testing.T) {
	w := newWorld(t)
	hang := func(a clienttesting.Action) (bool, runtime.Object, error) { return true, nil, context.Canceled }
	w.kube.PrependReactor("*", "*", hang)
	w.metadata.PrependReactor("*", "*", hang)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w.enricher.meter = fakeMeter{measured: func(context.Context, podQuery) (usage, error) { return nil, context.Canceled }}
	_, err := w.enricher.enrich(ctx, crashingPod())
	require.Error(t, err)
}

func TestEveryFailureHasItsReason(t *testing.T) {
	group := schema.GroupResource{Resource: "pods"}
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"an object that is gone", cluster.ErrGone, ReasonGone},
		{"a kind that the cluster does not serve", cluster.ErrUnknownKind, ReasonUnknownKind},
		{"an object that is not found", apierrors.NewNotFound(group, "x"), ReasonNotFound},
		{"a read that RBAC forbids", forbidden, ReasonForbidden},
		{"a token that is refused", apierrors.NewUnauthorized("no"), ReasonUnauthorized},
		{"too many requests", apierrors.NewTooManyRequests("slow down", 1), ReasonThrottled},
		{"a deadline", context.DeadlineExceeded, ReasonTimeout},
		{"a server that gives up", apierrors.NewServerTimeout(group, "list", 1), ReasonTimeout},
		{"a connection that is refused", &net.OpError{Op: "dial", Err: errors.New("refused")}, ReasonUnreachable},
		{"a server that is not available", apierrors.NewServiceUnavailable("down"), ReasonUnreachable},
		{"anything else", errors.New("?"), ReasonFailed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, reasonOf(fmt.Errorf("read: %w", test.err)))
		})
	}
}

func TestAnAutoscalerWhoseWorkloadIsGoneIsStillDescribed(t *testing.T) {
	got, err := newWorld(t).enricher.enrich(t.Context(), about(shop(kindAutoscaler, "other")))
	require.NoError(t, err)
	require.Equal(t, int32(5), got.Autoscaler.Max)
	require.Equal(t, "other", got.Autoscaler.Scales.Name)
	require.Nil(t, got.Workload)
	require.Contains(t, got.Unavailable, event.Unavailable{Part: PartWorkload, Reason: ReasonGone})
}

func TestASelectorThatIsMalformedIsNamed(t *testing.T) {
	bad := &policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Name: "bad", Namespace: "shop"},
		Spec: policyv1.PodDisruptionBudgetSpec{Selector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Near"}}}}}
	got, err := newWorld(t, bad).enricher.enrich(t.Context(), about(shop(kindBudget, "bad")))
	require.NoError(t, err)
	require.Contains(t, got.Unavailable, event.Unavailable{Part: PartTarget, Reason: ReasonMalformed})
}

func TestListsThatAreNotReadToTheirEndAreMarked(t *testing.T) {
	w := newWorld(t)
	w.kube.PrependReactor("list", "replicasets", func(clienttesting.Action) (bool, runtime.Object, error) {
		yes, owner := true, metav1.OwnerReference{APIVersion: "apps/v1", Kind: kindDeployment.Kind, UID: "dep-cart"}
		owner.Controller = &yes
		list := &appsv1.ReplicaSetList{Items: make([]appsv1.ReplicaSet, maxRevisionsRead+1)}
		for i := range list.Items {
			list.Items[i].Labels, list.Items[i].OwnerReferences = map[string]string{"app": "cart"}, []metav1.OwnerReference{owner}
		}
		return true, list, nil
	})
	var pages atomic.Int32
	w.kube.PrependReactor("list", "events", func(clienttesting.Action) (bool, runtime.Object, error) {
		pages.Add(1)
		return true, &corev1.EventList{ListMeta: metav1.ListMeta{Continue: "more"}, Items: make([]corev1.Event, eventPage)}, nil
	})
	got, err := w.enricher.enrich(t.Context(), crashingPod())
	require.NoError(t, err)
	require.EqualValues(t, 2*maxEventsRead/eventPage, pages.Load(), "the target's events and the namespace's warnings")
	require.Equal(t, []string{"events: only the first 2000 were read",
		"revisions: only the first 100 were read", "revisions: 10 of 100"}, got.Cut)
}

func TestANodeBeyondTheFirstOfAListIsReadByName(t *testing.T) {
	w := newWorld(t)
	w.kube.PrependReactor("list", "nodes", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, &corev1.NodeList{ListMeta: metav1.ListMeta{Continue: "more"},
			Items: []corev1.Node{{ObjectMeta: metav1.ObjectMeta{Name: "elsewhere"}}}}, nil
	})
	node := kindNode
	node.Name = "node-2"
	got, err := w.enricher.enrich(t.Context(), about(node))
	require.NoError(t, err)
	require.Equal(t, []string{"node.otherSchedulable: only the first 500 were read"}, got.Cut)
	require.Equal(t, "node-2", got.Node.Name)
}

// TestAVanishedNodeIsNotMistakenForThatOfItsPod: a static pod belongs to its node,
// and another of its name may run elsewhere by now.
func TestAVanishedNodeIsNotMistakenForThatOfItsPod(t *testing.T) {
	w := newWorld(t)
	w.kube.PrependReactor("get", "nodes", func(a clienttesting.Action) (bool, runtime.Object, error) {
		require.Equal(t, "vanished", a.(clienttesting.GetAction).GetName(), "all nodes are read meanwhile")
		return false, nil, nil
	})
	s := crashingPod()
	s.Target = kindNode
	s.Target.Name = "vanished"
	_, err := w.enricher.enrich(t.Context(), s)
	require.NoError(t, err)
}

// TestOnlyAnAlertAboutANodeAsksForAllNodes: a big cluster's are megabytes.
func TestOnlyAnAlertAboutANodeAsksForAllNodes(t *testing.T) {
	w := newWorld(t)
	w.kube.PrependReactor("list", "nodes", func(clienttesting.Action) (bool, runtime.Object, error) {
		t.Error("all nodes were asked for")
		return false, nil, nil
	})
	got, err := w.enricher.enrich(t.Context(), crashingPod())
	require.NoError(t, err)
	require.Equal(t, "node-2", got.Node.Name)
	require.Zero(t, got.Node.OtherSchedulable)
}

func TestOfManyPodsTheUnhealthyComeFirst(t *testing.T) {
	var many []runtime.Object
	for i := range 100 {
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("agent-%03d", i), Namespace: "shop",
			Labels:          map[string]string{"app": "agent"},
			OwnerReferences: []metav1.OwnerReference{{Kind: "DaemonSet", Name: "agent", UID: "ds-agent", Controller: new(bool)}}}}
		*p.OwnerReferences[0].Controller = true
		status := corev1.ConditionTrue
		if i%10 == 9 {
			status = corev1.ConditionFalse
		}
		p.Status = corev1.PodStatus{Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: status}},
			ContainerStatuses: []corev1.ContainerStatus{{Name: "agent", RestartCount: int32(i)}}}
		many = append(many, p)
	}
	got, err := newWorld(t, many...).enricher.enrich(t.Context(),
		event.Signal{Target: shop(kindDaemonSet, "agent"), Resource: shop(kindPod, "agent-050")})
	require.NoError(t, err)
	require.Len(t, got.Pods, event.MaxPods)
	require.Equal(t, "agent-050", got.Pods[0].Name, "the one that the alert named")
	require.Equal(t, "agent-099", got.Pods[1].Name, "then the unhealthy one that restarted most")
	require.False(t, got.Pods[10].Ready)
	require.True(t, got.Pods[11].Ready)
	require.Contains(t, got.Cut, "pods: 20 of 101")
}

func longEvent(message string) *corev1.Event {
	return &corev1.Event{ObjectMeta: metav1.ObjectMeta{Name: "cart.9", Namespace: "shop"},
		InvolvedObject: corev1.ObjectReference{Kind: "Deployment", Name: "cart", Namespace: "shop"},
		Reason:         "TooLong", Message: message, LastTimestamp: metav1.NewTime(now())}
}
