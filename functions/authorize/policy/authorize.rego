# METADATA
# title: Approval policy
# description: >-
#   Whether a proposed action may run at once, needs a person, or may not run.
#   The first of rejected, held and approved that applies is the decision.
#   A directory with your own *.rego files (POLICY_DIR) replaces this file as a
#   whole; a data.yaml with `thresholds` changes only the numbers that it names.
package kubernaut.authorize

# decision: {"outcome": approved|held|rejected, "reason": snake_case, "detail": for people,
# "limits": optional, [{"name", "max", "window"}] in place of the storm breaker's own}.
# No decision at all means that a person is asked.
decision := {"outcome": "rejected", "reason": first[1], "detail": first[2], "limits": []} if {
	complete
	count(rejections) > 0
	first := sort(rejections)[0]
} else := {"outcome": "held", "reason": first[1], "detail": first[2], "limits": []} if {
	complete
	count(holds) > 0
	first := sort(holds)[0]
} else := {"outcome": "approved", "reason": "within_policy", "detail": approval, "limits": []} if {
	complete
}

# thresholds are what data.thresholds must have, each a number.
thresholds := {"reject_below", "hold_below", "production_below"}

# complete keeps a rule that silently did not apply, because a field or a
# threshold was absent, from passing for one that had no objection.
complete if {
	every name in thresholds {
		numeric(name)
	}
	is_number(input.proposal.confidence)
	is_string(input.action.risk)
	is_boolean(input.action.changesCluster)
	is_boolean(input.action.changesSpec)
	is_string(input.classification.environment)
}

# A rule and not the built-in: `not is_number(x)` does not hold where x is absent.
numeric(name) if is_number(data.thresholds[name])

# faults is what is wrong with the data. Data with a fault is not taken: the
# last good policy stays in force.
faults contains sprintf("thresholds has no %q: it has %s", [name, concat(", ", sort(thresholds))]) if {
	some name, _ in data.thresholds
	not name in thresholds
}

faults contains sprintf("thresholds.%s is not a number", [name]) if {
	some name in thresholds
	not numeric(name)
}

approval := "it changes nothing in the cluster" if {
	not input.action.changesCluster
} else := sprintf("%s risk in environment %s at confidence %v", [
	input.action.risk, input.classification.environment, input.proposal.confidence,
])

# What is not known to be less counts as production.
production if not input.classification.environment in {"staging", "development", "test"}

# Each objection is [rank, reason, detail]; the lowest rank is the one that is named.

rejections contains [10, "not_believed", detail] if {
	input.action.changesCluster
	input.proposal.confidence < data.thresholds.reject_below
	detail := sprintf("the analyst's own confidence is %v", [input.proposal.confidence])
}

holds contains [10, "gitops_owned", detail] if {
	input.action.changesSpec
	owner := input.context.gitops
	owner != null
	detail := sprintf("%s %q owns the spec and would put it back", [owner.tool, owner.name])
}

holds contains [20, "scale_to_zero", "nothing would be left running"] if {
	scales
	input.proposal.parameters.replicas == 0
}

holds contains [30, "scale_down", detail] if {
	input.proposal.action == "scale_statefulset"
	workload := input.context.workload
	workload != null
	input.proposal.parameters.replicas < workload.desired
	detail := sprintf("from %v replicas to %v: a person must know what they store", [
		workload.desired, input.proposal.parameters.replicas,
	])
}

holds contains [31, "scale_unknown", "the present number of replicas is not known"] if {
	input.proposal.action == "scale_statefulset"
	input.context.workload == null
}

holds contains [40, "target_elsewhere", detail] if {
	input.action.changesCluster
	input.proposal.target.namespace != input.signal.target.namespace
	detail := sprintf("the alert is about namespace %q, the action about %q", [
		input.signal.target.namespace, input.proposal.target.namespace,
	])
}

holds contains [50, "high_risk", detail] if {
	production
	input.action.risk == "high"
	detail := sprintf("%s is of high risk, and environment %q counts as production", [
		input.proposal.action, input.classification.environment,
	])
}

holds contains [60, "low_confidence", detail] if {
	input.action.changesCluster
	input.proposal.confidence < data.thresholds.hold_below
	detail := sprintf("confidence %v is below %v", [input.proposal.confidence, data.thresholds.hold_below])
}

holds contains [70, "unsure_in_production", detail] if {
	production
	input.action.risk == "medium"
	input.proposal.confidence < data.thresholds.production_below
	detail := sprintf("confidence %v is below %v, for an action of medium risk in environment %q", [
		input.proposal.confidence, data.thresholds.production_below, input.classification.environment,
	])
}

scales if input.proposal.action in {"scale_deployment", "scale_statefulset"}
