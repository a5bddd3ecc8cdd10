# What a signal is worth: severity, environment, priority and signal mode.
#
# A policy that replaces this one defines the rule "decision" in this package,
# with these five fields. The tables are in data.yaml.
package kubernaut.classify

decision := {
	"severity": severity.value,
	"environment": environment.value,
	"priority": priority.value,
	"signalMode": mode.value,
	"reasons": [severity.reason, environment.reason, priority.reason, mode.reason],
}

# Severity: the signal's, else what the sender's own word means.

severity := {"value": known, "reason": sprintf("severity %s by signal_severity", [known])} if {
	known := input.signal.severity
	known in {"critical", "high", "medium", "low"}
} else := {"value": meant, "reason": sprintf("severity %s by sender_severity: %s", [meant, input.signal.senderSeverity])} if {
	meant := data.severities[lower(input.signal.senderSeverity)]
} else := {"value": "unknown", "reason": "severity unknown by no_severity"}

# Environment: a label of the namespace (or of the target where it has none),
# else the namespace's name. A label that says something unknown is not
# overruled by a name, nor are labels that could not be read: both are
# unknown, which counts as production wherever there is a risk.

environment := {"value": "unknown", "reason": "environment unknown by labels_unavailable"} if {
	labels_unavailable
} else := {"value": meant, "reason": sprintf("environment %s by label %s", [meant, labelled.key])} if {
	meant := environment_of(lower(labelled.value))
} else := {"value": "unknown", "reason": sprintf("environment unknown by label %s: %s is no environment", [labelled.key, labelled.value])} if {
	labelled
} else := {"value": meant, "reason": sprintf("environment %s by namespace_name %s", [meant, namespace])} if {
	meant := [e | some e in by_risk; some word in name_words; environment_of(word) == e][0]
} else := {"value": "unknown", "reason": "environment unknown by no_environment"}

labels_unavailable if {
	namespace != ""
	"namespaceLabels" in input.context.unavailable
}

labels_unavailable if {
	namespace == ""
	"target" in input.context.unavailable
}

namespace := input.signal.target.name if {
	input.signal.target.kind == "Namespace"
} else := input.signal.target.namespace

labels := input.context.namespaceLabels if {
	namespace != ""
} else := input.context.labels

labelled := [{"key": key, "value": labels[key]} | some key in data.environment_labels; labels[key]][0]

# The riskiest comes first: a name that says two things is taken at its worst.
by_risk := array.concat(risky, [e | some e, _ in data.environments; not e in risky])

risky := ["production", "staging"]

environment_of(word) := [e | some e in by_risk; word in data.environments[e]][0]

name_words := split(replace(replace(lower(namespace), ".", "-"), "_", "-"), "-")

# Priority: by environment and severity.

ranked := data.unknown_environment_counts_as if {
	environment.value == "unknown"
} else := environment.value

counted := ", unknown environment counted as it" if {
	ranked != environment.value
} else := ""

priority := {"value": p, "reason": sprintf("priority %s by %s_%s%s", [p, ranked, severity.value, counted])} if {
	p := data.priorities[ranked][severity.value]
} else := {"value": p, "reason": sprintf("priority %s by %s_other%s", [p, ranked, counted])} if {
	p := data.priorities[ranked].other
} else := {"value": p, "reason": sprintf("priority %s by otherwise", [p])} if {
	p := data.priority_otherwise
}

# Signal mode: does the alert foretell or report?

mode := {"value": "proactive", "reason": "signalMode proactive by alert_name"} if {
	input.signal.name in data.proactive.names
} else := {"value": "proactive", "reason": sprintf("signalMode proactive by alert_prefix %s", [prefix])} if {
	prefix := [p | some p in data.proactive.prefixes; startswith(input.signal.name, p)][0]
} else := {"value": "proactive", "reason": sprintf("signalMode proactive by expression %s", [word])} if {
	word := [w | some w in data.proactive.expressions; contains(input.signal.generatorURL, w)][0]
} else := {"value": "reactive", "reason": "signalMode reactive by otherwise"}
