package kubernaut.classify_test

import data.kubernaut.classify

base := {
	"signal": {
		"name": "KubePodCrashLooping",
		"source": "prometheus",
		"severity": "critical",
		"senderSeverity": "critical",
		"generatorURL": "",
		"labels": {},
		"annotations": {},
		"target": {"kind": "Deployment", "namespace": "shop", "name": "cart"},
	},
	"context": {"labels": {}, "namespaceLabels": {}, "unavailable": []},
}

signal(fields) := object.union(base, {"signal": fields})

labelled(labels) := object.union(base, {"context": {"namespaceLabels": labels}})

named(namespace) := signal({"target": {"namespace": namespace}})

severities(given, sender) := value if {
	value := classify.decision.severity with input as signal({"severity": given, "senderSeverity": sender})
}

environment(doc) := value if {
	value := classify.decision.environment with input as doc
}

priority(env, severity) := value if {
	fields := {"severity": severity, "senderSeverity": severity}
	value := classify.decision.priority with input as object.union(labelled({"environment": env}), {"signal": fields})
}

mode(fields) := value if {
	value := classify.decision.signalMode with input as signal(fields)
}

test_severity_of_the_signal_is_kept if {
	every s in ["critical", "high", "medium", "low"] {
		severities(s, "whatever") == s
	}
}

test_severity_unknown_is_read_from_the_senders_word if {
	severities("unknown", "page") == "critical"
	severities("unknown", "error") == "high"
	severities("unknown", "Warning") == "medium"
	severities("unknown", "info") == "low"
	severities("", "page") == "critical"
}

test_severity_of_no_known_word_is_unknown if {
	severities("unknown", "sev-7") == "unknown"
	severities("unknown", "") == "unknown"
}

test_environment_labels_are_read_in_their_order if {
	environment(labelled({"kubernaut.ai/environment": "staging", "environment": "production", "env": "dev"})) == "staging"
	environment(labelled({"environment": "production", "env": "dev"})) == "production"
	environment(labelled({"env": "dev"})) == "development"
}

test_environment_words_are_understood if {
	environment(labelled({"env": "PROD"})) == "production"
	environment(labelled({"env": "live"})) == "production"
	environment(labelled({"env": "uat"})) == "staging"
	environment(labelled({"env": "qa"})) == "test"
}

test_environment_label_beats_the_name if {
	doc := object.union(named("shop-dev"), {"context": {"namespaceLabels": {"env": "prod"}}})
	environment(doc) == "production"
}

test_environment_label_that_says_nothing_known_is_unknown_whatever_the_name if {
	doc := object.union(named("shop-dev"), {"context": {"namespaceLabels": {"env": "blue"}}})
	environment(doc) == "unknown"
}

test_environment_comes_from_a_part_of_the_name if {
	environment(named("shop-prod")) == "production"
	environment(named("prod.shop")) == "production"
	environment(named("stg-shop")) == "staging"
	environment(named("dev")) == "development"
	environment(named("shop-e2e-1")) == "test"
}

test_environment_is_not_guessed_from_inside_a_word if {
	environment(named("product-catalog")) == "unknown"
	environment(named("devices")) == "unknown"
	environment(named("nonprod")) == "unknown"
}

test_environment_of_a_name_that_says_two_things_is_the_riskier if {
	environment(named("prod-test")) == "production"
	environment(named("dev-staging")) == "staging"
}

test_environment_is_unknown_while_the_labels_cannot_be_read if {
	doc := object.union(named("shop-dev"), {"context": {"unavailable": ["namespaceLabels"]}})
	environment(doc) == "unknown"
}

test_environment_of_a_cluster_scoped_target_is_on_its_own_labels if {
	node := signal({"target": {"kind": "Node", "namespace": "", "name": "node-prod-1"}})
	environment(node) == "unknown"
	environment(object.union(node, {"context": {"labels": {"env": "prod"}}})) == "production"
	environment(object.union(node, {"context": {"labels": {"env": "dev"}, "unavailable": ["target"]}})) == "unknown"
}

test_environment_of_a_namespace_is_its_own if {
	target := signal({"target": {"kind": "Namespace", "namespace": "", "name": "shop-dev"}})
	environment(target) == "development"
	environment(object.union(target, {"context": {"namespaceLabels": {"env": "prod"}}})) == "production"
}

test_environment_of_a_namespace_that_could_not_be_read_is_unknown if {
	target := signal({"target": {"kind": "Namespace", "namespace": "", "name": "shop-dev"}})
	environment(object.union(target, {"context": {"unavailable": ["target"]}})) == "unknown"
	environment(object.union(target, {"context": {"unavailable": ["pods"]}})) == "development"
}

test_environment_of_a_workload_that_could_not_be_read_is_its_namespaces if {
	environment(object.union(named("shop-dev"), {"context": {"unavailable": ["target"]}})) == "development"
}

test_priorities_of_production if {
	priority("production", "critical") == "P0"
	priority("production", "high") == "P1"
	priority("production", "medium") == "P3"
	priority("production", "unknown") == "P3"
}

test_priorities_of_staging if {
	priority("staging", "critical") == "P1"
	every s in ["high", "medium", "low", "unknown"] {
		priority("staging", s) == "P2"
	}
}

test_priorities_of_all_else_are_p3 if {
	every e in ["development", "test"] {
		every s in ["critical", "high", "medium", "low", "unknown"] {
			priority(e, s) == "P3"
		}
	}
}

test_priority_of_an_unknown_environment_is_productions if {
	priority("blue", "critical") == "P0"
	priority("blue", "high") == "P1"
}

test_signal_mode_is_proactive_by_name if {
	mode({"name": "PredictDiskFull"}) == "proactive"
	mode({"name": "PredictMemoryExhaustion"}) == "proactive"
	mode({"name": "PredictedQuotaBreach"}) == "proactive"
}

test_signal_mode_tells_two_rules_of_one_name_apart_by_expression if {
	url := "http://prometheus/graph?g0.expr=predict_linear%28kubelet_volume_stats_available_bytes%5B6h%5D%2C+345600%29+%3C+0"
	mode({"name": "KubePersistentVolumeFillingUp", "generatorURL": url}) == "proactive"
	mode({"name": "KubePersistentVolumeFillingUp", "generatorURL": "http://prometheus/graph?g0.expr=up"}) == "reactive"
}

test_signal_mode_is_else_reactive if {
	mode({"name": "UnpredictedThing"}) == "reactive"
	mode({}) == "reactive"
}

test_reasons_name_the_rules if {
	classify.decision.reasons == [
		"severity critical by signal_severity",
		"environment unknown by no_environment",
		"priority P0 by production_critical, unknown environment counted as it",
		"signalMode reactive by otherwise",
	] with input as base
}

test_tables_can_be_replaced if {
	priority("development", "critical") == "P1" with data.priorities as {"development": {"critical": "P1"}}
}
