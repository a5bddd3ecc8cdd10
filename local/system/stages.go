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
	"gateway":    behindFuncGo(gateway.New),
	"enrich":     behindFuncGo(enrich.New),
	"classify":   behindFuncGo(classify.New),
	"analyze":    behindFuncGo(analyze.New),
	"authorize":  behindFuncGo(authorize.New),
	"execute":    behindFuncGo(execute.New),
	"assess":     behindFuncGo(assess.New),
	"approve":    behindFuncGo(approve.New),
	"record":     behindFuncGo(record.New),
	"deadletter": behindFuncGo(deadletter.New),
}
