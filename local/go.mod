module kubernaut.ai/local

go 1.26.0

require (
	github.com/alicebob/miniredis/v2 v2.40.0
	github.com/cloudevents/sdk-go/v2 v2.16.1
	github.com/google/uuid v1.6.0
	github.com/mattn/go-isatty v0.0.24
	github.com/prometheus/client_golang v1.24.1
	github.com/robfig/cron/v3 v3.0.1
	github.com/rs/zerolog v1.32.0
	github.com/stretchr/testify v1.12.1
	go.opentelemetry.io/otel v1.46.0
	go.opentelemetry.io/otel/exporters/prometheus v0.66.0
	go.opentelemetry.io/otel/metric v1.46.0
	go.opentelemetry.io/otel/sdk/metric v1.46.0
	go.uber.org/zap v1.28.0
	gopkg.in/evanphx/json-patch.v4 v4.13.0
	k8s.io/api v0.35.7
	k8s.io/apimachinery v0.35.7
	k8s.io/client-go v0.35.7
	knative.dev/eventing v0.50.0
	knative.dev/func-go v0.22.0
	knative.dev/pkg v0.0.0-20260727151759-521cb33b33dd
	kubernaut.ai/functions/analyze v0.0.0
	kubernaut.ai/functions/approve v0.0.0
	kubernaut.ai/functions/assess v0.0.0
	kubernaut.ai/functions/authorize v0.0.0
	kubernaut.ai/functions/classify v0.0.0
	kubernaut.ai/functions/deadletter v0.0.0
	kubernaut.ai/functions/enrich v0.0.0
	kubernaut.ai/functions/execute v0.0.0
	kubernaut.ai/functions/gateway v0.0.0
	kubernaut.ai/functions/record v0.0.0
	kubernaut.ai/shared v0.0.0
	modernc.org/sqlite v1.60.0
	sigs.k8s.io/yaml v1.6.0
)

replace kubernaut.ai/shared => ../shared

replace kubernaut.ai/functions/gateway => ../functions/gateway

replace kubernaut.ai/functions/enrich => ../functions/enrich

replace kubernaut.ai/functions/classify => ../functions/classify

replace kubernaut.ai/functions/analyze => ../functions/analyze

replace kubernaut.ai/functions/authorize => ../functions/authorize

replace kubernaut.ai/functions/execute => ../functions/execute

replace kubernaut.ai/functions/assess => ../functions/assess

replace kubernaut.ai/functions/approve => ../functions/approve

replace kubernaut.ai/functions/record => ../functions/record

replace kubernaut.ai/functions/deadletter => ../functions/deadletter
