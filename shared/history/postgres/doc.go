// Package postgres keeps history in PostgreSQL 13 or later, for clusters: any
// number of writers and readers. It registers the schemes postgres and
// postgresql; link it by a blank import and open it through the history package:
//
//	import _ "kubernaut.ai/shared/history/postgres"
//
//	store, err := history.Open("postgres://user:password@host:5432/kubernaut?sslmode=verify-full")
//
// Open touches no network. The first connection creates or upgrades the
// tables, kubernaut_events and kubernaut_remediations in the first schema of
// the search path; programs that start together wait for the one that does it.
// A role that may only read can use tables that are there already, and
// history.OpenReader wants no more of any role.
//
// What is in force beside the parameters that pgx knows:
//
//   - pool_max_conns is 4 unless the URL says otherwise: there may be ten pods
//     of a stage, and PostgreSQL has a hundred connections.
//   - connect_timeout is 5 (seconds), and operation_timeout, which bounds each
//     call with its wait for a connection, 10s: an answer that the database is
//     away comes well within a turn.
//   - Several hosts, host1:5432,host2:5432, want target_session_attrs=read-write:
//     after a failover the pool then finds the new primary by itself.
//   - Statements are not prepared, so PgBouncer may stand in between in any mode.
//   - Every wait is bounded, in the server too: a pod that vanishes in the midst
//     of a transaction holds nobody up for longer than ten seconds.
//
// Writers of one remediation take turns by an advisory lock, so that its
// summary is always history.Summarise of all its events. An Append is as
// durable as the server's synchronous_commit makes it.
package postgres
