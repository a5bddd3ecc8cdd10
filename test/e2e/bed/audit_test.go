package bed

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// auditLog is as the API server writes it, one entry a line; the last line is
// cut where a write is under way.
const auditLog = `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"1","stage":"ResponseComplete","requestURI":"/apis/apps/v1/namespaces/shop/deployments/checkout","verb":"patch","user":{"username":"system:serviceaccount:kubernaut-system:execute","groups":["system:serviceaccounts"]},"objectRef":{"resource":"deployments","namespace":"shop","name":"checkout","apiGroup":"apps","apiVersion":"v1"},"responseStatus":{"metadata":{},"code":200}}
{"kind":"Event","verb":"create","user":{"username":"system:serviceaccount:kubernaut-system:execute"},"objectRef":{"resource":"pods","namespace":"shop","name":"web-1","subresource":"eviction"},"responseStatus":{"code":429}}
{"kind":"Event","verb":"pat`

func TestAChangeIsReadFromTheAuditLog(t *testing.T) {
	writes, err := readWrites(strings.NewReader(auditLog))
	require.NoError(t, err)
	require.Equal(t, []Write{
		{Account: "execute", Verb: "patch", Resource: "deployments", Namespace: "shop", Name: "checkout", Status: 200},
		{Account: "execute", Verb: "create", Resource: "pods/eviction", Namespace: "shop", Name: "web-1", Status: 429},
	}, writes)
	require.True(t, writes[0].Done())
	require.False(t, writes[1].Done(), "the eviction was refused")
}

func TestAnAuditLogThatIsNoneIsAnError(t *testing.T) {
	_, err := readWrites(strings.NewReader("no JSON\n"))
	require.Error(t, err)
}
