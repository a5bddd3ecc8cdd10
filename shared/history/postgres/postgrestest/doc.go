// Package postgrestest runs a real PostgreSQL server for tests: a process of
// its own in a temporary folder, on a free port of the loopback interface.
//
//	func TestStore(t *testing.T) {
//		server := postgrestest.Start(t) // skips where there is no PostgreSQL
//		store, err := history.Open(server.Database(t))
//		...
//		server.Stop(t)    // the database is away
//		server.Restart(t) // and back
//	}
package postgrestest
