package product

import (
	"fmt"
	"os"

	"kubernaut.ai/test/e2e/bed"
)

// OnBed says where the bed has everything; the programs are left to the caller.
func OnBed(b *bed.Bed) Options {
	return Options{Kubeconfig: b.Kubeconfig, Registry: b.Registry + "/functions", InsecureRegistry: true,
		Platform: bed.Platform, Redis: b.Redis.URL(), Postgres: b.Postgres.URL()}
}

// ownVariables name what a cluster of one's own needs, by the option they give.
var ownVariables = map[string]string{
	"FUNC_REGISTRY": "where images go and the cluster pulls them from",
	"REDIS_URL":     "a Redis that the cluster and this machine reach",
	"HISTORY_URL":   "a PostgreSQL that the cluster and this machine reach",
}

// OnOwn says where a cluster that the user has already has everything: the
// environment tells what its kubeconfig does not. With PLATFORM, such as
// linux/amd64, images are built for that alone.
func OnOwn(kubeconfig string) (Options, error) {
	for name, what := range ownVariables {
		if os.Getenv(name) == "" {
			return Options{}, fmt.Errorf("use a cluster of your own: set %s: %s", name, what)
		}
	}
	return Options{Kubeconfig: kubeconfig, Registry: os.Getenv("FUNC_REGISTRY"),
		InsecureRegistry: os.Getenv("FUNC_REGISTRY_INSECURE") == "true", Platform: os.Getenv("PLATFORM"),
		Redis: os.Getenv("REDIS_URL"), Postgres: os.Getenv("HISTORY_URL")}, nil
}
