package broker

// Reasons why an event, a request or a delivery was refused or given up. They appear in responses,
// observations, log lines and metrics.
const (
	// ReasonInvalidEvent: the request is no valid CloudEvent.
	ReasonInvalidEvent = "invalid_event"
	// ReasonUnsendableAttribute: an attribute holds a control character, which no HTTP header can carry.
	ReasonUnsendableAttribute = "unsendable_attribute"
	// ReasonEventTooLarge: the body exceeds Options.MaxEventBytes.
	ReasonEventTooLarge = "event_too_large"
	// ReasonUnknownBroker: the path names a Broker that no manifest declares.
	ReasonUnknownBroker = "unknown_broker"
	// ReasonMethodNotAllowed: a request other than POST or OPTIONS.
	ReasonMethodNotAllowed = "method_not_allowed"
	// ReasonTTLExhausted: the event went through the Broker InitialTTL times; it is taken for a loop.
	ReasonTTLExhausted = "ttl_exhausted"
	// ReasonQueueFull: a Trigger that matches has Options.QueueSize deliveries waiting.
	ReasonQueueFull = "queue_full"
	// ReasonStopping: Stop was called.
	ReasonStopping = "stopping"
	// ReasonNoMatchingTrigger: accepted, but no Trigger wants it.
	ReasonNoMatchingTrigger = "no_matching_trigger"
	// ReasonFilterPanicked: a filter expression cannot be evaluated on this event.
	ReasonFilterPanicked = "filter_panicked"
	// ReasonNoDeadLetterSink: delivery failed for good and nobody keeps dead letters.
	ReasonNoDeadLetterSink = "no_dead_letter_sink"
	// ReasonDeadLetterFailed: the dead letter sink refused the event too.
	ReasonDeadLetterFailed = "dead_letter_failed"
	// ReasonReplyNotRouted: a reply to a ping or to a dead letter, which Knative discards.
	ReasonReplyNotRouted = "reply_not_routed"
	// ReasonPingPending: the previous ping of the same PingSource is still under way.
	ReasonPingPending = "ping_pending"
	// ReasonChaosLost: Chaos.Lose took it.
	ReasonChaosLost = "chaos_lost"
)

// Reasons in an UndeliveredError: where an event was when the Broker stopped.
const (
	// UndeliveredQueued: no attempt was made yet.
	UndeliveredQueued = "queued"
	// UndeliveredInFlight: an attempt was cut short; the subscriber may have handled it.
	UndeliveredInFlight = "in_flight"
	// UndeliveredWaitingRetry: at least one attempt failed, and the next was not due yet.
	UndeliveredWaitingRetry = "waiting_retry"
)

// Causes of a failed attempt that has no HTTP status of the subscriber's own.
const (
	// CauseNoAnswer: connection refused, timeout or a broken response. Counts as 500, as in Knative.
	CauseNoAnswer = "no_answer"
	// CauseNotACloudEvent: a 2xx whose body is no CloudEvent. Counts as 502, as in Knative.
	CauseNotACloudEvent = "reply_not_a_cloudevent"
	// CauseReplyTooLarge: a reply larger than Options.MaxEventBytes. Counts as 502.
	CauseReplyTooLarge = "reply_too_large"
	// CauseChaos: Chaos.Drop made the attempt fail.
	CauseChaos = "chaos_dropped"
	// CauseStatus: the subscriber answered with a status other than 2xx.
	CauseStatus = "status"
	// CauseReplyRefused: the subscriber did its work, but the Broker refused its reply.
	CauseReplyRefused = "reply_refused"
)
