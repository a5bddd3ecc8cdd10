# What is wrong with the tables of data.yaml. Tables with a fault are not
# taken: the last good policy stays in force.
package kubernaut.classify

faults contains sprintf("%s is not a table", [name]) if {
	some name in {"severities", "environments", "priorities", "proactive"}
	not name in tables
}

tables contains "severities" if is_object(data.severities)

tables contains "environments" if is_object(data.environments)

tables contains "priorities" if is_object(data.priorities)

tables contains "proactive" if is_object(data.proactive)

faults contains none_of(sprintf("severities.%s", [word]), value, known_severities) if some word, value in data.severities

faults contains none_of(sprintf("environments.%s", [word]), value, known_environments) if some word, value in data.environments

faults contains sprintf("%s.%s is not in lower case, and would never be found", [name, word]) if {
	some name, words in {"severities": data.severities, "environments": data.environments}
	some word, _ in words
	word != lower(word)
}

faults contains "environment_labels is not a list" if not labels_listed

labels_listed if is_array(data.environment_labels)

# Priorities may be given for what is unknown, and for what is not named.

faults contains none_of("priorities", name, known_environments | {"unknown"}) if some name, _ in data.priorities

faults contains sprintf("priorities.%s is not a table", [name]) if {
	some name, ranks in data.priorities
	not is_object(ranks)
}

faults contains none_of(sprintf("priorities.%s", [name]), severity, known_severities | {"unknown", "other"}) if {
	some name, ranks in data.priorities
	some severity, _ in ranks
}

faults contains none_of(sprintf("priorities.%s.%s", [name, severity]), value, known_priorities) if {
	some name, ranks in data.priorities
	some severity, value in ranks
}

faults contains none_of("priority_otherwise", otherwise, known_priorities)

faults contains none_of("unknown_environment_counts_as", counts_as, known_environments | {"unknown"})

# A default, because what is absent would be no fault.

default otherwise := null

otherwise := data.priority_otherwise

default counts_as := null

counts_as := data.unknown_environment_counts_as

faults contains none_of("proactive", name, {"names", "prefixes", "expressions"}) if some name, _ in data.proactive

faults contains sprintf("proactive.%s is not a list", [name]) if {
	some name, list in data.proactive
	not is_array(list)
}

known_severities := {"critical", "high", "medium", "low"}

known_environments := {"production", "staging", "development", "test"}

known_priorities := {"P0", "P1", "P2", "P3"}

none_of(path, value, known) := sprintf("%s: %s is none of %s", [path, json.marshal(value), concat(", ", sort(known))]) if {
	not value in known
}
