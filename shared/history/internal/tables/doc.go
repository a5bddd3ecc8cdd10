// Package tables holds what the SQL stores have in common: the columns of
// their two tables, how an entry becomes a row and a row an entry, and the
// conditions of queries. The statements themselves, locks and transactions
// belong to each store.
//
// Both keep the same rows: an event's facts in columns of their own and the
// event itself compressed, and beside the events one row a remediation, which
// is always history.Summarise of its events, or stands for one that was forgotten.
//
//	rows, err := db.Query(ctx, "SELECT "+tables.EventColumns+", body FROM events")
//	...
//	entry, err := tables.ScanEntry(rows)
package tables
