package pipeline_test

import (
	"testing"

	"kubernaut.ai/local/system"
)

// TestOneSystem asks one running system everything that does not need a
// system of its own, at once, as an incident would. What must not be disturbed
// comes before: what leaves nothing behind, and the storms, whose hundred
// requests at once take all of a small machine. What is left behind is looked
// at when nothing goes on any more.
func TestOneSystem(t *testing.T) {
	b := start(t, system.Options{})
	t.Run("what cannot be understood leaves nothing behind", b.malformed)
	t.Run("one alert posted a hundred times at once is one remediation", b.storm)
	t.Run("ten gateways at once open one remediation", b.tenGateways)
	t.Run("all at once", func(t *testing.T) {
		for name, test := range map[string]func(*testing.T){
			"the samples end as they say":                              b.samples,
			"a real Alertmanager fires and resolves":                   b.realAlertmanager,
			"one of a pair of Alertmanagers dies":                      b.alertmanagerPair,
			"what is not to be acted on is answered, told and counted": b.suppressions,
			"attacks on a held remediation":                            b.attacksOnHeld,
			"attacks with what was captured from one that ran":         b.attacksAfterwards,
			"a person refuses":                                         b.refusal,
			"a person undoes what was applied":                         b.undoing,
			"an operator sees what happened":                           b.operator,
			"an event of Kubernetes leads to what an OOM kill needs":   b.backOff,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t)
			})
		}
	})
	t.Run("every event stored is of the catalogue, sealed and caused", b.audit)
}
