package kubernaut.authorize_test

import data.kubernaut.authorize

# base is a medium-risk action in production that the analyst is sure of.
base := {
	"proposal": {
		"action": "rollback_deployment", "confidence": 0.9, "parameters": {"revision": 3}, "step": 1, "analyst": "rules",
		"target": {"kind": "Deployment", "namespace": "shop", "name": "cart"},
	},
	"action": {"risk": "medium", "reversible": true, "changesSpec": true, "changesCluster": true},
	"classification": {"severity": "high", "priority": "P1", "environment": "production", "signalMode": "reactive"},
	"signal": {"name": "KubePodCrashLooping", "target": {"kind": "Deployment", "namespace": "shop", "name": "cart"}},
	"context": {"gitops": null, "workload": {"desired": 3, "ready": 2}},
}

with_patch(patches) := json.patch(base, patches)

set(path, value) := [{"op": "replace", "path": path, "value": value}]

test_a_sure_action_of_medium_risk_is_approved_in_production if {
	d := authorize.decision with input as base
	d.outcome == "approved"
	d.reason == "within_policy"
}

test_an_unsure_action_of_medium_risk_is_held_in_production if {
	d := authorize.decision with input as with_patch(set("/proposal/confidence", 0.79))
	[d.outcome, d.reason] == ["held", "unsure_in_production"]
}

test_the_same_is_approved_in_staging if {
	d := authorize.decision with input as with_patch(array.concat(
		set("/proposal/confidence", 0.79),
		set("/classification/environment", "staging"),
	))
	d.outcome == "approved"
}

test_an_unknown_environment_counts_as_production if {
	every environment in ["unknown", "", "prod-like"] {
		d := authorize.decision with input as with_patch(array.concat(
			set("/proposal/confidence", 0.79),
			set("/classification/environment", environment),
		))
		[d.outcome, d.reason] == ["held", "unsure_in_production"]
	}
}

test_high_risk_is_held_in_production_however_sure if {
	d := authorize.decision with input as with_patch(array.concat(
		set("/action/risk", "high"),
		set("/proposal/confidence", 1),
	))
	[d.outcome, d.reason] == ["held", "high_risk"]
}

test_high_risk_is_approved_in_test if {
	d := authorize.decision with input as with_patch(array.concat(
		set("/action/risk", "high"),
		set("/classification/environment", "test"),
	))
	d.outcome == "approved"
}

test_low_confidence_is_held_everywhere if {
	d := authorize.decision with input as with_patch(array.concat(
		set("/proposal/confidence", 0.49),
		set("/classification/environment", "development"),
	))
	[d.outcome, d.reason] == ["held", "low_confidence"]
}

test_what_the_analyst_does_not_believe_is_rejected if {
	d := authorize.decision with input as with_patch(set("/proposal/confidence", 0.05))
	[d.outcome, d.reason] == ["rejected", "not_believed"]
}

test_what_changes_nothing_is_approved_however_unsure if {
	d := authorize.decision with input as with_patch(array.concat(
		set("/proposal/confidence", 0.01),
		[
			{"op": "replace", "path": "/action", "value": {"risk": "none", "reversible": false, "changesSpec": false, "changesCluster": false}},
			{"op": "replace", "path": "/context/gitops", "value": {"tool": "argocd", "name": "shop"}},
		],
	))
	d.outcome == "approved"
}

test_a_spec_that_gitops_owns_is_held if {
	d := authorize.decision with input as with_patch(set("/context/gitops", {"tool": "argocd", "name": "shop"}))
	[d.outcome, d.reason] == ["held", "gitops_owned"]
}

test_restarting_what_gitops_owns_is_approved if {
	d := authorize.decision with input as with_patch(array.concat(
		set("/context/gitops", {"tool": "argocd", "name": "shop"}),
		set("/action/changesSpec", false),
	))
	d.outcome == "approved"
}

test_scaling_to_zero_is_held if {
	d := authorize.decision with input as with_patch(array.concat(
		set("/proposal/action", "scale_deployment"),
		set("/proposal/parameters", {"replicas": 0}),
	))
	[d.outcome, d.reason] == ["held", "scale_to_zero"]
}

test_scaling_a_statefulset_down_is_held_in_every_environment if {
	d := authorize.decision with input as with_patch(array.concat(
		set("/classification/environment", "test"),
		array.concat(
			set("/proposal/action", "scale_statefulset"),
			set("/proposal/parameters", {"replicas": 2}),
		),
	))
	[d.outcome, d.reason] == ["held", "scale_down"]
}

test_scaling_a_statefulset_from_an_unknown_size_is_held if {
	d := authorize.decision with input as with_patch(array.concat(
		set("/context/workload", null),
		array.concat(
			set("/proposal/action", "scale_statefulset"),
			set("/proposal/parameters", {"replicas": 9}),
		),
	))
	[d.outcome, d.reason] == ["held", "scale_unknown"]
}

test_an_action_in_another_namespace_than_the_alert_is_held if {
	d := authorize.decision with input as with_patch(set("/proposal/target/namespace", "bank"))
	[d.outcome, d.reason] == ["held", "target_elsewhere"]
}

test_a_proposal_without_confidence_gets_no_decision if {
	not authorize.decision with input as json.remove(base, ["/proposal/confidence"])
}

test_an_action_without_risk_gets_no_decision if {
	not authorize.decision with input as json.remove(base, ["/action/risk"])
}

test_thresholds_come_from_data if {
	d := authorize.decision with input as base
		with data.thresholds as {"reject_below": 0.1, "hold_below": 0.95, "production_below": 0.95}
	[d.outcome, d.reason] == ["held", "low_confidence"]
}

decided(thresholds) := d if {
	d := authorize.decision with input as base with data.thresholds as thresholds
}

sound := {"reject_below": 0.1, "hold_below": 0.5, "production_below": 0.8}

test_without_a_threshold_there_is_no_decision if {
	decided(sound)
	every name, _ in sound {
		not decided(object.remove(sound, [name]))
	}
	not decided({})
	not decided(null)
}

test_a_threshold_that_is_no_number_gives_no_decision if {
	every name, _ in sound {
		every value in ["0.5", null, {}, true] {
			not decided(object.union(sound, {name: value}))
		}
	}
}

faults(thresholds) := f if {
	f := authorize.faults with data.thresholds as thresholds
}

test_sound_thresholds_have_no_faults if {
	count(authorize.faults) == 0
	faults(sound) == set()
}

test_a_misspelt_threshold_is_a_fault if {
	faults(object.union(sound, {"hold_bellow": 0.7})) == {"thresholds has no \"hold_bellow\": it has hold_below, production_below, reject_below"}
}

test_each_threshold_that_is_no_number_is_a_fault if {
	faults(object.union(sound, {"hold_below": "0.7"})) == {"thresholds.hold_below is not a number"}
	every value in [{}, null, 5, "low", []] {
		count(faults(value)) == 3
	}
}
