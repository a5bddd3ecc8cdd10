package broker

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

// BenchmarkHop measures what one hop costs: ingress, filters, delivery over loopback HTTP, and the reply's way back.
func BenchmarkHop(b *testing.B) {
	const hops = 6
	typ := func(i int) string { return fmt.Sprintf("ai.kubernaut.hop.n%d.v1", i) }
	manifests, names := brokerYAML, []string(nil)
	for i := range hops {
		name := fmt.Sprint("stage", i)
		manifests = docs(manifests, triggerYAML(name, "[{exact: {type: "+typ(i)+"}}]", patient))
		names = append(names, name)
	}
	done := make(chan struct{}, 1)
	bed := newBed(b, manifests, func(o *Options) {
		o.Observer = Observer{}
		o.After = func(d time.Duration, f func()) func() bool { return time.AfterFunc(d, f).Stop }
	}, names...)
	for i, name := range names {
		answer := replies(typ(i + 1))
		if i == hops-1 {
			answer = func(int, http.ResponseWriter, received) { done <- struct{}{} }
		}
		bed.stages[name].answer = answer
	}
	b.ReportAllocs()
	for b.Loop() {
		bed.send(map[string]string{"Ce-Type": typ(0)}, `{"some":"data"}`)
		<-done
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/hops, "µs/hop")
}
