// Package ledgertest is the conformance suite of the ledger, and the servers to
// run it on: every Redis the product supports has to pass the same tests.
//
//	func TestOnMiniredis(t *testing.T) {
//		ledgertest.Run(t, ledgertest.OnMiniredis)
//	}
//
// Other packages' tests take a ledger with a clock that they can advance from
// Miniredis:
//
//	server := ledgertest.Miniredis(t)
//	l := server.Ledger(t)
//	server.Advance(time.Hour)
package ledgertest
