package manifest

import (
	"context"
	"errors"
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// AwaitEstablished waits until every CustomResourceDefinition among objects is
// served, and looks up the server's kinds anew.
func (c *Cluster) AwaitEstablished(ctx context.Context, objects []*unstructured.Unstructured) error {
	definitions, _ := Split(objects, OfKind("CustomResourceDefinition"))
	for _, definition := range definitions {
		err := Await(ctx, func(ctx context.Context) (bool, error) {
			found, err := c.Get(ctx, definition)
			if err != nil {
				return false, err
			}
			return conditionTrue(found, "Established"), nil
		})
		if err != nil {
			return fmt.Errorf("wait for %s to be established: %w", Name(definition), err)
		}
	}
	c.mapper.Reset()
	return nil
}

// conditionTrue says whether an object's status has that condition and it is true.
func conditionTrue(object *unstructured.Unstructured, name string) bool {
	conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
	for _, item := range conditions {
		condition, isMap := item.(map[string]any)
		if isMap && condition["type"] == name {
			return condition["status"] == "True"
		}
	}
	return false
}

// AwaitReady waits until the object's status says Ready, as Knative's do; its
// error quotes the object's own reason.
func (c *Cluster) AwaitReady(ctx context.Context, object *unstructured.Unstructured) error {
	var last *unstructured.Unstructured
	err := Await(ctx, func(ctx context.Context) (bool, error) {
		found, err := c.Get(ctx, object)
		if err != nil {
			return false, err
		}
		last = found
		return observed(found) && conditionTrue(found, "Ready"), nil
	})
	if err != nil {
		return fmt.Errorf("wait for %s to be Ready: %w; it says %s", Name(object), err, unmet(last))
	}
	return nil
}

// observed says whether the status is about the object as it is now; one that
// does not say what it is about is.
func observed(object *unstructured.Unstructured) bool {
	of, found, _ := unstructured.NestedInt64(object.Object, "status", "observedGeneration")
	return !found || of >= object.GetGeneration()
}

// unmet lists the conditions of an object that are not true, with their reasons.
func unmet(object *unstructured.Unstructured) string {
	if object == nil {
		return "nothing"
	}
	conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
	var said []string
	for _, item := range conditions {
		if condition, isMap := item.(map[string]any); isMap && condition["status"] != "True" {
			said = append(said, fmt.Sprintf("%v: %v %v", condition["type"], condition["reason"], condition["message"]))
		}
	}
	return strings.Join(said, "; ")
}

// AwaitWebhooks waits until every webhook configuration among objects has been
// given its authority by its controller, in every webhook: what it guards is
// refused before.
func (c *Cluster) AwaitWebhooks(ctx context.Context, objects []*unstructured.Unstructured) error {
	configurations, _ := Split(objects, OfKind("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"))
	for _, configuration := range configurations {
		err := Await(ctx, func(ctx context.Context) (bool, error) {
			found, err := c.Get(ctx, configuration)
			if err != nil {
				return false, err
			}
			return trusted(found), nil
		})
		if err != nil {
			return fmt.Errorf("wait for the authority of %s: %w", Name(configuration), err)
		}
	}
	return nil
}

func trusted(configuration *unstructured.Unstructured) bool {
	webhooks, _, _ := unstructured.NestedSlice(configuration.Object, "webhooks")
	for _, item := range webhooks {
		webhook, isMap := item.(map[string]any)
		if !isMap {
			return false
		}
		bundle, _, _ := unstructured.NestedString(webhook, "clientConfig", "caBundle")
		if bundle == "" {
			return false
		}
	}
	return len(webhooks) > 0
}

// AwaitDeployments waits until every Deployment of a namespace has all replicas it
// wants, updated and available. Its error says which has not, and what its pods say.
func (c *Cluster) AwaitDeployments(ctx context.Context, namespace string) error {
	var behind []string
	err := Await(ctx, func(ctx context.Context) (bool, error) {
		list, err := c.typed.AppsV1().Deployments(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, fmt.Errorf("list deployments: %w", err)
		}
		behind = nil
		for i := range list.Items {
			if !complete(&list.Items[i]) {
				behind = append(behind, list.Items[i].Name)
			}
		}
		return len(behind) == 0, nil
	})
	if err != nil {
		pods := c.troubles(context.WithoutCancel(ctx), namespace)
		return fmt.Errorf("wait for deployments of %s: %w; not available: %s; %s", namespace, err, strings.Join(behind, ", "), pods)
	}
	return nil
}

func complete(deployment *appsv1.Deployment) bool {
	wanted := int32(1)
	if deployment.Spec.Replicas != nil {
		wanted = *deployment.Spec.Replicas
	}
	status := deployment.Status
	return status.ObservedGeneration >= deployment.Generation &&
		status.UpdatedReplicas == wanted && status.AvailableReplicas == wanted && status.Replicas == wanted
}

// troubles says what keeps the pods of a namespace from being ready.
func (c *Cluster) troubles(ctx context.Context, namespace string) string {
	list, err := c.typed.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return errors.Join(errors.New("its pods cannot be listed"), err).Error()
	}
	var said []string
	for i := range list.Items {
		if trouble := troubleOf(&list.Items[i]); trouble != "" {
			said = append(said, list.Items[i].Name+": "+trouble)
		}
	}
	return strings.Join(said, "; ")
}

func troubleOf(pod *corev1.Pod) string {
	var said []string
	for _, condition := range pod.Status.Conditions {
		if condition.Status == corev1.ConditionFalse && condition.Message != "" {
			said = append(said, condition.Message)
		}
	}
	for _, container := range pod.Status.ContainerStatuses {
		if waiting := container.State.Waiting; waiting != nil {
			said = append(said, waiting.Reason+" "+waiting.Message)
		}
		if ended := container.LastTerminationState.Terminated; ended != nil {
			said = append(said, fmt.Sprintf("exited with %d: %s", ended.ExitCode, ended.Message))
		}
	}
	return strings.Join(said, ", ")
}
