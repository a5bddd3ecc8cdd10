package system

import (
	analyze "kubernaut.ai/functions/analyze"
	approve "kubernaut.ai/functions/approve"
	assess "kubernaut.ai/functions/assess"
	authorize "kubernaut.ai/functions/authorize"
	classify "kubernaut.ai/functions/classify"
	deadletter "kubernaut.ai/functions/deadletter"
	enrich "kubernaut.ai/functions/enrich"
	execute "kubernaut.ai/functions/execute"
	gateway "kubernaut.ai/functions/gateway"
	record "kubernaut.ai/functions/record"
)

// fleet is every function of the project. A stage added by make stage is
// added here; nothing else of this module names it.
var fleet = map[string]fleetMember{
	"gateway":    onHTTP(gateway.New),
	"enrich":     onEvents(enrich.New),
	"classify":   onEvents(classify.New),
	"analyze":    onEvents(analyze.New),
	"authorize":  onEvents(authorize.New),
	"execute":    onEvents(execute.New),
	"assess":     onEvents(assess.New),
	"approve":    onHTTP(approve.New),
	"record":     onEvents(record.New),
	"deadletter": onEvents(deadletter.New),
}
