// Package sqlite keeps history in one SQLite file, for one machine: the local
// process, and clusters that can live with one writer. It registers the scheme
// sqlite; link it by a blank import and open it through the history package:
//
//	import _ "kubernaut.ai/shared/history/sqlite"
//
//	store, err := history.Open("sqlite:///var/lib/kubernaut/history.db") // absolute
//	store, err := history.Open("sqlite:kubernaut.db")                    // relative
//
// The file is in WAL mode: several processes may read while one writes, and a
// commit is on disk before Append returns. Appends that arrive while a commit
// is under way share the next one, so that the disk's latency is paid once a
// batch and not once an event.
package sqlite
