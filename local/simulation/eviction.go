package simulation

import (
	"encoding/json"
	"fmt"
	"net/http"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
)

// budgetNotReadySeconds is the Retry-After while a budget's status lags behind its spec, as the real server says.
const budgetNotReadySeconds = 10

// evict serves pods/<name>/eviction: a delete that PodDisruptionBudgets may refuse. Budget and pod change in one transaction,
// so two evictions cannot spend the same disruption.
func (h *handler) evict(w http.ResponseWriter, c *call) error {
	eviction, err := readEviction(c)
	if err != nil {
		return err
	}
	options := eviction.DeleteOptions
	if options == nil {
		options = &metav1.DeleteOptions{}
	}
	dry, err := parseDryRun(options.DryRun)
	if err != nil {
		return err
	}
	c.DryRun = c.DryRun || dry
	result, changed, err := h.cluster.registry.evict(h.writeOptions(c), c.key(), options)
	if err != nil {
		return err
	}
	h.cluster.audit.add(c, result, changed && !c.DryRun, h.cluster.options.Now())
	writeObject(w, http.StatusCreated, &metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusSuccess, Code: http.StatusCreated,
	})
	return nil
}

func readEviction(c *call) (*policyv1.Eviction, error) {
	raw, err := readJSON(c.http)
	if err != nil {
		return nil, err
	}
	eviction := &policyv1.Eviction{}
	if err := json.Unmarshal(raw, eviction); err != nil {
		return nil, apierrors.NewBadRequest("decode Eviction: " + err.Error())
	}
	if eviction.Name != "" && eviction.Name != c.Name {
		return nil, apierrors.NewBadRequest("name in URL does not match name in Eviction object")
	}
	return eviction, nil
}

// evict answers changed false for a pod that is on its way out already.
func (g *registry) evict(o writeOptions, key types.NamespacedName, options *metav1.DeleteOptions) (result *item, changed bool, err error) {
	s := g.store
	s.mu.Lock()
	defer s.mu.Unlock()
	current := s.items[pods][key]
	if current == nil {
		return nil, false, apierrors.NewNotFound(pods.groupResource(), key.Name)
	}
	if err := deletePreconditions(pods, current, options); err != nil {
		return nil, false, err
	}
	pod := current.object.(*corev1.Pod)
	if !ignoresBudget(pod) {
		if err := g.spendBudgetLocked(o, pod); err != nil {
			return nil, false, err
		}
	}
	result, removed, err := g.deleteLocked(o, current, pods, key, options)
	return result, removed || result != current, err
}

// ignoresBudget says whether a pod's end disrupts nobody: it is over, pending, or on its way out.
func ignoresBudget(pod *corev1.Pod) bool {
	switch pod.Status.Phase {
	case corev1.PodSucceeded, corev1.PodFailed, corev1.PodPending:
		return true
	}
	return pod.DeletionTimestamp != nil
}

func (g *registry) spendBudgetLocked(o writeOptions, pod *corev1.Pod) error {
	var matching []*item
	for _, entry := range g.store.listLocked(budgets, pod.Namespace) {
		if budgetCovers(entry.object.(*policyv1.PodDisruptionBudget), pod) {
			matching = append(matching, entry)
		}
	}
	if len(matching) == 0 {
		return nil
	}
	if len(matching) > 1 {
		return apierrors.NewInternalError(fmt.Errorf("this pod has more than one PodDisruptionBudget, which the eviction subresource does not support"))
	}
	budget := matching[0].object.(*policyv1.PodDisruptionBudget)
	free, err := disruptionAllowed(budget, pod)
	if err != nil || free || o.dryRun {
		return err
	}
	next := budget.DeepCopy()
	next.Status.DisruptionsAllowed--
	if next.Status.DisruptedPods == nil {
		next.Status.DisruptedPods = map[string]metav1.Time{}
	}
	next.Status.DisruptedPods[pod.Name] = metav1.NewTime(o.now)
	_, err = g.store.commitLocked(budgets, next, matching[0])
	return err
}

func budgetCovers(budget *policyv1.PodDisruptionBudget, pod *corev1.Pod) bool {
	selector, err := metav1.LabelSelectorAsSelector(budget.Spec.Selector)
	return err == nil && selector.Matches(labels.Set(pod.Labels))
}

// disruptionAllowed returns nil when the pod may go; free means that it costs the budget nothing.
func disruptionAllowed(budget *policyv1.PodDisruptionBudget, pod *corev1.Pod) (free bool, err error) {
	status := budget.Status
	if !podReady(pod) {
		policy := policyv1.IfHealthyBudget
		if budget.Spec.UnhealthyPodEvictionPolicy != nil {
			policy = *budget.Spec.UnhealthyPodEvictionPolicy
		}
		if policy == policyv1.AlwaysAllow || status.CurrentHealthy >= status.DesiredHealthy && status.DesiredHealthy > 0 {
			return true, nil
		}
	}
	if status.ObservedGeneration < budget.Generation {
		return false, budgetRefusal(budget, budgetNotReadySeconds, fmt.Sprintf("The disruption budget %s is still being processed by the server.", budget.Name))
	}
	if status.DisruptionsAllowed <= 0 {
		return false, budgetRefusal(budget, 0, fmt.Sprintf("The disruption budget %s needs %d healthy pods and has %d currently",
			budget.Name, status.DesiredHealthy, status.CurrentHealthy))
	}
	return false, nil
}

func budgetRefusal(budget *policyv1.PodDisruptionBudget, retryAfter int, why string) error {
	err := apierrors.NewTooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", retryAfter)
	err.ErrStatus.Details.Causes = append(err.ErrStatus.Details.Causes, metav1.StatusCause{Type: policyv1.DisruptionBudgetCause, Message: why})
	return err
}

func podReady(pod *corev1.Pod) bool {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}
