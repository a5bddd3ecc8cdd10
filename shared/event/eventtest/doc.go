// Package eventtest has what tests of events share: a sealing key for every
// stage, and one remediation told in the catalogue's types, from which the
// golden samples are made.
//
//	ring := eventtest.Keyring()
//	sample := eventtest.Sample(event.RemediationApproved)
//	err := ring.Verify(sample)
package eventtest
