package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"kubernaut.ai/local/kubectl"
)

// askWithin bounds the questions to the cluster.
const askWithin = time.Minute

// ask reads what the cluster has by kubectl. Where the namespace is missing
// nothing that is printed could be applied: that is said first.
func (c command) ask() (io.Reader, error) {
	k, err := kubectl.Parse(c.kubectl)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), askWithin)
	defer cancel()
	namespace := c.stores.namespace
	if _, err := k.Output(ctx, "get", "namespace", namespace, "--output", "name"); err != nil {
		if errors.Is(err, kubectl.ErrNotFound) {
			return nil, fmt.Errorf("namespace %s is not there: make it first, with kubectl apply --server-side -k deploy/overlays/%s", namespace, orAn(c.stores.overlay))
		}
		return nil, fmt.Errorf("look for namespace %s: %w", namespace, err)
	}
	text, err := k.Output(ctx, "get", "secret,configmap", "--namespace", namespace, "--selector", partOf+"="+product, "--output", "yaml")
	if err != nil {
		return nil, fmt.Errorf("read the Secrets of namespace %s, which are to be kept: %w", namespace, err)
	}
	return bytes.NewReader(text), nil
}

func orAn(overlay string) string {
	if overlay == "" {
		return "<overlay>"
	}
	return overlay
}
