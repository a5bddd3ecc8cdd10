package broker

import "time"

// Observer is told what becomes of deliveries. Its functions may be nil; they are called from many
// goroutines at once and must not block.
type Observer struct {
	// Delivered: the subscriber answered 2xx, and its reply, if any, is queued.
	Delivered func(Observation)
	// Retried: an attempt failed and another will follow after Wait.
	Retried func(Observation)
	// DeadLettered: the dead letter sink took the event.
	DeadLettered func(Observation)
	// Dropped: the event or the delivery ended without anybody having it, for Reason.
	Dropped func(Observation)
}

// Observation is one step in the life of a delivery.
type Observation struct {
	// Trigger is namespace/name of the Trigger or PingSource; empty where the event never got that far.
	Trigger string
	// EventID and EventType identify the event.
	EventID, EventType string
	// Reason is a Reason constant (drops) or a Cause constant (retries and dead letters).
	Reason string
	// Attempt counts from 1 for each destination of the delivery.
	Attempt int
	// Status is the HTTP status the attempt counts as; 0 if there was none.
	Status int
	// Duration is how long the attempt took, Total the time since the event was accepted.
	Duration, Total time.Duration
	// Wait is the time to the next attempt (retries only).
	Wait time.Duration
}

func (o Observer) call(f func(Observation), obs Observation) {
	if f != nil {
		f(obs)
	}
}
