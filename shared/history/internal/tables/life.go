package tables

// Conditions on the rows of remediations. PostgreSQL's partial indexes are of the
// first two in these very words.
const (
	// Live rows are of remediations that began, as far as is known, and did not end.
	Live = `ended = 0 AND last_event <> ''`
	// Over rows may be pruned: of what ended, and of what only late events tell.
	Over = `ended > 0 OR last_event = ''`
	// Forgotten rows stand for remediations that were forgotten, so that a duplicate
	// that comes late does not bring them back. They hold nothing but how long they
	// would have been kept.
	Forgotten = `phase = '` + forgotten + `'`
	// Known rows are all others.
	Known = `phase <> '` + forgotten + `'`
)

// forgotten is no event's type, as a phase else is.
const forgotten = "forgotten"

// Forget makes a row stand for what was forgotten.
const Forget = `fingerprint = '', subject = '', namespace = '', name = '', alert = '', kind = '', severity = '', action = '',
	phase = '` + forgotten + `', outcome = '', reason = '', alerts = 0, opened = 0, last_event = ''`
