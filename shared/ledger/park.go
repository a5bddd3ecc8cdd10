package ledger

// KindPark is the kind of due items whose payload, a sealed event, is published
// as it is when they are due: unless the stage that takes the event, and so has
// it, takes them off before.
const KindPark = "park"

// ParkID names the item of a parked event, by the event's id.
func ParkID(event string) string { return KindPark + "/" + event }
