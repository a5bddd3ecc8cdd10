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

// Unready is an object whose condition Ready is false.
type Unready struct {
	// APIVersion is as the cluster serves it; Kind without its group.
	APIVersion, Kind, Namespace, Name string
	Reason, Message                   string
	// Since is when it became unready.
	Since time.Time
}

// Unready lists the objects of a kind, as KindOf knows it, that say themselves
// that they are not ready, but for those that people suspended. A kind that
// the cluster does not serve has none. Only conditions are kept of what is
// read: specs may hold what is nobody's business.
func (c *Clients) Unready(ctx context.Context, kind string) ([]Unready, error) {
	k, err := c.KindOf(ctx, event.Target{Kind: kind})
	if errors.Is(err, ErrUnknownKind) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var found []Unready
	next := ""
	for range maxConditionPages {
		page, err := c.conditions(ctx, k, next)
		if err != nil {
			return nil, err
		}
		for _, o := range page.Items {
			if u, ok := o.unready(k); ok {
				found = append(found, u)
			}
		}
		if next = page.Metadata.Continue; next == "" {
			return found, nil
		}
	}
	return found, nil
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

func (o conditioned) unready(k Kind) (Unready, bool) {
	for _, c := range o.Status.Conditions {
		if c.Type == conditionReady && c.Status == metav1.ConditionFalse && !o.Spec.Suspend {
			return Unready{APIVersion: k.APIVersion(), Kind: k.Kind, Namespace: o.Metadata.Namespace, Name: o.Metadata.Name,
				Reason: c.Reason, Message: c.Message, Since: c.LastTransitionTime.UTC()}, true
		}
	}
	return Unready{}, false
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
