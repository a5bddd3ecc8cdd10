# What a signal is worth: severity, environment, priority and signal mode.
#
# A policy that replaces this one defines the rule "decision" in this package,
# with these five fields. The tables are in data.yaml, and tables.rego checks them.
package kubernaut.classify

decision := {
	"severity": severity.value,
	"environment": environment.value,
	"priority": priority.value,
	"signalMode": mode.value,
	"reasons": [severity.reason, environment.reason, priority.reason, mode.reason],
}

# Severity: the signal's, else what the sender's own word means.

severity := {"value": known, "reason": concat("", ["severity ", known, " by signal_severity"])} if {
	known := input.signal.severity
	known in {"critical", "high", "medium", "low"}
} else := {"value": meant, "reason": concat("", ["severity ", meant, " by sender_severity ", input.signal.senderSeverity])} if {
	meant := data.severities[lower(input.signal.senderSeverity)]
} else := {"value": "unknown", "reason": "severity unknown by no_severity"}

# Environment: a label of the namespace (or of the target where it has none),
# else the namespace's name. A label that says something unknown is not
# overruled by a name, nor are labels that could not be read: both are
# unknown, which counts as production wherever there is a risk.

environment := {"value": "unknown", "reason": "environment unknown by labels_unavailable"} if {
	labels_unavailable
} else := {"value": meant, "reason": concat("", ["environment ", meant, " by label ", label])} if {
	meant := data.environments[lower(labels[label])]
} else := {"value": "unknown", "reason": concat("", ["environment unknown by label ", label, ": ", labels[label], " is no environment"])} if {
	label
} else := {"value": meant, "reason": concat("", ["environment ", meant, " by namespace_name ", namespace])} if {
	meant := [e | some e in by_risk; e in named][0]
} else := {"value": "unknown", "reason": "environment unknown by no_environment"}

labels_unavailable if {
	namespace != ""
	"namespaceLabels" in input.context.unavailable
}

labels_unavailable if {
	labels_of_target
	"target" in input.context.unavailable
}

# What is in no namespace has its own labels, and so has a namespace: they are
# read with the target.
labels_of_target if namespace == ""

labels_of_target if input.signal.target.kind == "Namespace"

namespace := input.signal.target.name if {
	input.signal.target.kind == "Namespace"
} else := input.signal.target.namespace

labels := input.context.namespaceLabels if {
	namespace != ""
} else := input.context.labels

# The first label that is set decides.
label := [key | some key in data.environment_labels; labels[key]][0]

# The riskiest comes first: a name that says two things is taken at its worst.
by_risk := ["production", "staging", "development", "test"]

named contains data.environments[word] if some word in split(replace(replace(lower(namespace), ".", "-"), "_", "-"), "-")

# Priority: by environment and severity.

ranked := data.unknown_environment_counts_as if {
	environment.value == "unknown"
} else := environment.value

counted := ", unknown environment counted as it" if {
	ranked != environment.value
} else := ""

priority := {"value": p, "reason": concat("", ["priority ", p, " by ", ranked, "_", severity.value, counted])} if {
	p := data.priorities[ranked][severity.value]
} else := {"value": p, "reason": concat("", ["priority ", p, " by ", ranked, "_other", counted])} if {
	p := data.priorities[ranked].other
} else := {"value": p, "reason": concat("", ["priority ", p, " by otherwise"])} if {
	p := data.priority_otherwise
}

# Signal mode: does the alert foretell or report?

mode := {"value": "proactive", "reason": "signalMode proactive by alert_name"} if {
	input.signal.name in data.proactive.names
} else := {"value": "proactive", "reason": concat("", ["signalMode proactive by alert_prefix ", prefix])} if {
	prefix := [p | some p in data.proactive.prefixes; startswith(input.signal.name, p)][0]
} else := {"value": "proactive", "reason": concat("", ["signalMode proactive by expression ", word])} if {
	word := [w | some w in data.proactive.expressions; contains(input.signal.generatorURL, w)][0]
} else := {"value": "reactive", "reason": "signalMode reactive by otherwise"}
