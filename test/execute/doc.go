// Package execute tests the execute stage against the simulated cluster, which
// honours what a real API server does, and a real ledger: that a change is
// made once wherever the process dies, that a dry run leaves nothing, that an
// undo restores, and that every refusal leaves the cluster as it was. What was
// done is counted at the API server's side, not from our own records.
package execute
