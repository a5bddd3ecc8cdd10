// Package function is the assess stage: it finds out whether an action
// helped, ends remediations, and sees to it that none is ever stuck.
//
// It is woken by remediation.executed, by signal.resolved, and by a ping
// every few minutes. What has to wait is an item on the due list, so that a
// stage that sleeps or dies forgets nothing:
//
//	assess    an applied action is judged after its stabilisation window
//	approval  nobody answered a held action in time: it expires
//	watch     a remediation is past its deadline: its last event is published
//	          again, and after MaxRepublished times a person is called
//	park      somebody's event that was put off until now
//
// A ping leases what is due, so several instances share the work and one that
// dies loses only its lease. A verdict is stored once per item and attempt
// before it is published, so a crash can publish no second one. Unknown is
// never success: it is looked into again, and after MaxAttempts a person is
// called.
//
// The judgement itself, Judge, is a pure function of what was found:
//
//	Judge(Findings{Health: Health{Finding: Finding{Known: true, Score: 1}}}, Round{Step: 1, Attempt: 1}).Verdict
package function
