package kubernaut.classify_test

import data.kubernaut.classify

test_the_default_tables_have_no_faults if {
	classify.faults == set()
}

test_severities_are_known_and_words_in_lower_case if {
	classify.faults == {
		`severities.page: "urgent" is none of critical, high, low, medium`,
		`severities.SEV1 is not in lower case, and would never be found`,
	} with data.severities as {"page": "urgent", "SEV1": "critical"}
}

test_environments_are_known_and_words_in_lower_case if {
	classify.faults == {
		`environments.prod: "prodution" is none of development, production, staging, test`,
		`environments.Live is not in lower case, and would never be found`,
	} with data.environments as {"prod": "prodution", "Live": "production"}
}

test_priorities_are_known_and_so_is_what_has_them if {
	classify.faults == {
		`priorities: "prodution" is none of development, production, staging, test, unknown`,
		`priorities.staging: "critcal" is none of critical, high, low, medium, other, unknown`,
		`priorities.staging.high: "P4" is none of P0, P1, P2, P3`,
		`priority_otherwise: "none" is none of P0, P1, P2, P3`,
	} with data.priorities as {"prodution": {}, "staging": {"critcal": "P0", "high": "P4"}}
		with data.priority_otherwise as "none"
}

test_an_unknown_environment_counts_as_a_known_one if {
	classify.faults == {`unknown_environment_counts_as: "prod" is none of development, production, staging, test, unknown`} with data.unknown_environment_counts_as as "prod"
	classify.faults == set() with data.unknown_environment_counts_as as "unknown"
}

test_what_foretells_is_known if {
	classify.faults == {
		`proactive: "name" is none of expressions, names, prefixes`,
		"proactive.prefixes is not a list",
	} with data.proactive as {"name": [], "prefixes": "Predicted"}
}

# What is of another type has no entries that could be judged one by one.
test_each_table_is_of_its_type if {
	every value in ["text", null, 7] {
		"severities is not a table" in classify.faults with data.severities as value
		"environments is not a table" in classify.faults with data.environments as value
		"priorities is not a table" in classify.faults with data.priorities as value
		"priorities.staging is not a table" in classify.faults with data.priorities as {"staging": value}
		"proactive is not a table" in classify.faults with data.proactive as value
		"environment_labels is not a list" in classify.faults with data.environment_labels as value
		count(classify.faults) > 0 with data.unknown_environment_counts_as as value
		count(classify.faults) > 0 with data.priority_otherwise as value
	}
}
