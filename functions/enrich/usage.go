package function

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"kubernaut.ai/shared/cluster"
)

// usage is the highest usage of each container, by its name.
type usage map[string]corev1.ResourceList

// meter tells what pods use at the moment.
type meter interface {
	measure(ctx context.Context, q podQuery) (usage, error)
}

// metricsAPI reads metrics.k8s.io, which metrics-server serves. Its client
// library would be a dependency for two fields.
type metricsAPI struct{ clients *cluster.Clients }

func newMeter(c *cluster.Clients) meter { return metricsAPI{c} }

const metricsPath = "/apis/metrics.k8s.io/v1beta1/namespaces"

type podMetrics struct {
	Containers []struct {
		Name  string              `json:"name"`
		Usage corev1.ResourceList `json:"usage"`
	} `json:"containers"`
}

func (m metricsAPI) measure(ctx context.Context, q podQuery) (usage, error) {
	request := m.clients.Kube.CoreV1().RESTClient().Get().SetHeader("Accept", "application/json")
	if q.name != "" {
		request = request.AbsPath(metricsPath, q.namespace, "pods", q.name)
	} else {
		request = request.AbsPath(metricsPath, q.namespace, "pods").Param("labelSelector", q.labels.String())
	}
	body, err := request.DoRaw(ctx)
	switch {
	case apierrors.IsNotFound(err) && q.name == "":
		// A list is never missing: the API is.
		return nil, errNotInstalled
	case err != nil:
		return nil, fmt.Errorf("read usage: %w", err)
	}
	var answer struct {
		podMetrics
		Items []podMetrics `json:"items"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("%w: pod metrics: %w", errMalformed, err)
	}
	return highest(append(answer.Items, answer.podMetrics)), nil
}

func highest(pods []podMetrics) usage {
	out := usage{}
	for _, p := range pods {
		for _, c := range p.Containers {
			if out[c.Name] == nil {
				out[c.Name] = corev1.ResourceList{}
			}
			for name, q := range c.Usage {
				if known, ok := out[c.Name][name]; !ok || q.Cmp(known) > 0 {
					out[c.Name][name] = q
				}
			}
		}
	}
	return out
}
