package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"kubernaut.ai/test/e2e/bed"
	"kubernaut.ai/test/e2e/product"
)

// logged are the namespaces whose pods' logs say what went wrong.
var logged = []string{product.Namespace, "knative-eventing", "knative-serving", "traefik"}

// keepLogs copies the logs of the bed's processes and of the pods that there are
// to a folder outside of the bed, which may go.
func keepLogs(ctx context.Context, b *bed.Bed) (string, error) {
	folder, err := os.MkdirTemp("", "kubernaut-e2e-logs-")
	if err != nil {
		return "", fmt.Errorf("make folder for logs: %w", err)
	}
	client, err := kubernetes.NewForConfig(b.RESTConfig)
	if err != nil {
		return folder, err
	}
	var failed []error
	status, err := b.Status()
	if err != nil {
		failed = append(failed, err)
	} else {
		for _, process := range status.Processes {
			failed = append(failed, copyFile(filepath.Join(folder, process.Name+".log"), process.Log))
		}
	}
	for _, namespace := range logged {
		failed = append(failed, podLogs(ctx, client.CoreV1().Pods(namespace).List, logWriter{client, folder}))
	}
	return folder, errors.Join(failed...)
}

type logWriter struct {
	client kubernetes.Interface
	folder string
}

type listPods func(context.Context, metav1.ListOptions) (*corev1.PodList, error)

func podLogs(ctx context.Context, list listPods, to logWriter) error {
	pods, err := list(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list pods: %w", err)
	}
	var failed []error
	for _, pod := range pods.Items {
		for _, container := range pod.Spec.Containers {
			failed = append(failed, to.write(ctx, &pod, container.Name))
		}
	}
	return errors.Join(failed...)
}

func (w logWriter) write(ctx context.Context, pod *corev1.Pod, container string) error {
	stream, err := w.client.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{Container: container}).Stream(ctx)
	if err != nil {
		return fmt.Errorf("read log of %s: %w", pod.Name, err)
	}
	defer func() { _ = stream.Close() }()
	return writeAll(filepath.Join(w.folder, pod.Namespace+"."+pod.Name+"."+container+".log"), stream)
}

func copyFile(to, from string) error {
	file, err := os.Open(from)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("keep log: %w", err)
	}
	defer func() { _ = file.Close() }()
	return writeAll(to, file)
}

func writeAll(path string, from io.Reader) error {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("keep log: %w", err)
	}
	_, err = io.Copy(file, from)
	return errors.Join(err, file.Close())
}
