package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"kubernaut.ai/shared/event"
)

const (
	// conditionPage bounds one page of objects with their conditions, and
	// maxConditionPages what is read of one kind.
	conditionPage     = 250
	maxConditionPages = 20
	// conditionReady is the condition that says how an object fares.
	conditionReady = "Ready"
)

// Readiness is what an object says of itself by its condition Ready.
type Readiness struct {
	// APIVersion is as the cluster serves it; Kind without its group.
	APIVersion, Kind, Namespace, Name string
	Ready                             bool
	Reason, Message                   string
	// Since is when it became so.
	Since time.Time
}

// Readiness lists the objects of a kind, as KindOf knows it, that say whether
// they are ready, but for those that people suspended while they were not. A
// kind that the cluster does not serve has none. More tells that there are more
// than are read. Only conditions are kept of what is read: specs may hold what
// is nobody's business.
func (c *Clients) Readiness(ctx context.Context, kind string) (found []Readiness, more bool, err error) {
	k, err := c.KindOf(ctx, event.Target{Kind: kind})
	if errors.Is(err, ErrUnknownKind) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	next := ""
	for range maxConditionPages {
		page, err := c.conditions(ctx, k, next)
		if err != nil {
			return nil, false, err
		}
		for _, o := range page.Items {
			if r, ok := o.readiness(k); ok {
				found = append(found, r)
			}
		}
		if next = page.Metadata.Continue; next == "" {
			return found, false, nil
		}
	}
	return found, true, nil
}

// conditioned is what is read of an object.
type conditioned struct {
	Metadata metav1.ObjectMeta `json:"metadata"`
	Spec     struct {
		Suspend bool `json:"suspend"`
	} `json:"spec"`
	Status struct {
		Conditions []metav1.Condition `json:"conditions"`
	} `json:"status"`
}

type conditionedList struct {
	Metadata metav1.ListMeta `json:"metadata"`
	Items    []conditioned   `json:"items"`
}

func (o conditioned) readiness(k Kind) (Readiness, bool) {
	for _, c := range o.Status.Conditions {
		ready := c.Status == metav1.ConditionTrue
		if c.Type != conditionReady || !ready && (c.Status != metav1.ConditionFalse || o.Spec.Suspend) {
			continue
		}
		return Readiness{APIVersion: k.APIVersion(), Kind: k.Kind, Namespace: o.Metadata.Namespace, Name: o.Metadata.Name,
			Ready: ready, Reason: c.Reason, Message: c.Message, Since: c.LastTransitionTime.UTC()}, true
	}
	return Readiness{}, false
}

// conditions reads a page. Metadata alone has no conditions, and the typed
// client knows no kinds of others.
func (c *Clients) conditions(ctx context.Context, k Kind, next string) (page conditionedList, err error) {
	ctx, cancel := context.WithTimeout(ctx, RequestTimeout)
	defer cancel()
	query := url.Values{"limit": {strconv.Itoa(conditionPage)}}
	if next != "" {
		query.Set("continue", next)
	}
	request := c.Kube.Discovery().RESTClient().Get().AbsPath("/apis", k.Group, k.Version, k.Resource).SetHeader("Accept", "application/json")
	for name, values := range query {
		request = request.Param(name, values[0])
	}
	body, err := request.DoRaw(ctx)
	if status := apierrors.APIStatus(nil); errors.As(err, &status) && status.Status().Code == http.StatusNotFound {
		return page, nil
	}
	if apierrors.IsForbidden(err) {
		return page, fmt.Errorf("%w: %s: %w", ErrForbidden, schema.GroupResource{Group: k.Group, Resource: k.Resource}, err)
	}
	if err == nil {
		err = json.Unmarshal(body, &page)
	}
	if err != nil {
		return page, fmt.Errorf("list %s: %w", k.Name(), err)
	}
	return page, nil
}
