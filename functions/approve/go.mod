module kubernaut.ai/functions/approve

go 1.26.0

require (
	github.com/cloudevents/sdk-go/v2 v2.16.1
	github.com/stretchr/testify v1.12.1
	k8s.io/api v0.35.7
	k8s.io/apimachinery v0.35.7
	kubernaut.ai/shared v0.0.0
)

replace kubernaut.ai/shared => ../../shared
