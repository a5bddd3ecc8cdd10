package function_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	function "kubernaut.ai/functions/gateway"
	"kubernaut.ai/shared/ledger/ledgertest"
)

// BenchmarkDuplicates measures what mostly arrives: alerts whose remediation
// is under way, through the whole function, against a Redis of its own.
func BenchmarkDuplicates(b *testing.B) {
	if !ledgertest.HaveRedisServer() {
		b.Skip("there is no redis-server here")
	}
	dir := b.TempDir()
	require.NoError(b, os.WriteFile(filepath.Join(dir, "tokens"), []byte("former\n"+senderToken+"\n"), 0o600))
	for _, settings := range []map[string]string{nil, {function.EnvAuth: "token,serviceaccount", function.EnvAuthDir: dir}} {
		duplicates(b, settings)
	}
}

// senderToken is what a sender shows in the variant with authentication.
const senderToken = "b7QhGm2Zc0Yk5nVxR8sLwT1dUeJfPaOi"

func duplicates(b *testing.B, settings map[string]string) {
	kind := ""
	if settings != nil {
		kind = ", authenticated"
	}
	for _, size := range []int{1, 50} {
		b.Run(fmt.Sprintf("%d a request%s", size, kind), func(b *testing.B) {
			f := start(b, ledgertest.RedisServer(b), newSink(b), newAPIServer(b), settings)
			body := group(b, size)
			first := send(b, f, body)
			require.Less(b, first.Code, 300, first.Body)
			b.SetBytes(int64(len(body)))
			b.SetParallelism(8)
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					r := httptest.NewRequest(http.MethodPost, "/api/v1/signals/prometheus", strings.NewReader(body))
					r.Header.Set("Content-Type", "application/json")
					r.Header.Set("Authorization", "Bearer "+senderToken)
					w := httptest.NewRecorder()
					if f.Handle(w, r); w.Code > 299 {
						b.Error(w.Code, w.Body)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "alerts/s")
		})
	}
}

// group is a webhook of size alerts on the pods of one Deployment.
func group(b *testing.B, size int) string {
	whole := read(b, "firing_two_pods_of_one_deployment")
	open, end := strings.Index(whole, `"alerts":[`)+len(`"alerts":[`), strings.Index(whole, `],"groupLabels"`)
	one := whole[open : strings.Index(whole, `},{"status"`)+1]
	alerts := make([]string, size)
	for i := range alerts {
		alerts[i] = strings.Replace(one, `"uid":"`, fmt.Sprintf(`"uid":"%d`, i), 1)
		alerts[i] = strings.Replace(alerts[i], `"fingerprint":"`, fmt.Sprintf(`"fingerprint":"%d-`, i), 1)
	}
	return whole[:open] + strings.Join(alerts, ",") + whole[end:]
}
