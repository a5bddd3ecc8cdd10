// Package function is the deadletter stage: the Broker hands it every event
// that a subscriber refused for good, or did not take within all retries.
//
// Each is kept with who refused it and why. If the event is one that a stage
// of the pipeline had to act on, its seal is good and its remediation still
// waits for it, then nothing more would ever happen: the stage publishes
// remediation.failed with reason dead_lettered, once per remediation, and
// settles the claim so that the next alert opens a new one. Everything else
// is only kept: what failed at record or at deadletter itself (publishing
// about those would feed the loop), at a stage that somebody added, events
// without a good seal, and events that the remediation has moved on from or does
// not depend on, such as an undo's.
//
// So many letters are kept and no more, for two weeks; record's, of which an
// outage of its database makes many and which only inform, are bounded apart,
// and push out no other. One that is gone without having been redriven is logged
// with its id and destination, and counted, as dead_letters_full,
// dead_letters_full_for_record or dead_letter_too_old.
//
// Package redrive posts them to the Broker again, unless they are too old to be
// acted on: approve on behalf of a person, make redrive on one's own machine.
package function
