module kubernaut.ai/test

go 1.26.0

require (
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
	kubernaut.ai/local v0.0.0
	kubernaut.ai/shared v0.0.0
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

replace kubernaut.ai/local => ../local
