// Package function is the gateway stage: the door through which signals come
// in. It answers Alertmanager's webhook, finds the workload that each alert is
// about, and opens at most one remediation a workload.
//
// For each firing alert: the object that its labels mean and that exists, its
// top owner, the scope, the claim's fingerprint; then the claim is reserved,
// signal.received is published, and the claim confirmed. A process may die
// between any two of these steps: the sender gets no 2xx, posts again, and
// whoever meets the stale reservation publishes the same event id. So a 2xx
// says that the Broker has taken every event, and any failure that may pass
// makes the whole answer 503, which Alertmanager repeats, unlike 429.
//
// A resolved alert opens nothing: it becomes signal.resolved for the
// remediation that the alert had joined, and cancels it if nothing else fires
// and nothing was executed. What fires again waits until that is settled, for
// one turn at most (TURN_WITHIN), and then opens the next. While others still
// fire, and for what is dropped or counted as a duplicate (signal.suppressed,
// with a named reason), events come at a bounded rate; the last that stops
// always is one.
//
//	POST /api/v1/signals/prometheus        Alertmanager's webhook
//	POST /webhook, /webhook/{receiver}     the same, where Karo's users post it
//	POST /api/v2/alerts                    Prometheus, Flux and others who take this for an Alertmanager
//	POST /api/v1/signals/kubernetes-event  kubernetes-event-exporter's webhook
//	POST /api/v1/signals/cloudevents, /    Knative's ApiServerSource, as a sink or by a Broker
//	POST /api/v1/signals/flux              Flux's providers generic and generic-hmac
//
// The answers are 201 created, 202 duplicate, 200 not for us and 207 for several
// alerts; senders who understand no such answer get 200 without a body. A new
// kind of sender is one file in the package source.
//
// An alert is on the first object that its labels name and that exists; events,
// and what Flux says, name their object. A Flux object that fails is one alert,
// whatever the revision and by whichever way its errors come: from the first of
// them until an info, the condition Ready seen by the scan, or a day without a
// report. That an Alertmanager heard no more of it says nothing. Events open
// them of their object's top owner; Kubernetes never says that what an event
// told of has ended, so nothing resolves those. An alert whose sender gives it
// no start begins with the claim that it met.
//
// Labels identify an alert and stay as they are; annotations, messages and the
// address of Prometheus go into events without what looks like a credential.
//
// Who may post is the package caller's: GATEWAY_AUTH names the kinds of
// credential in use, and has no default. A caller is known before the body is
// read, or by the body where it is signed.
//
// A body is read by a budget of bytes over all requests, within GATEWAY_READ_WITHIN,
// and only then takes one of the slots of those that are worked on: senders who
// are slow, or promise much, hold neither a worker nor memory. Who finds no room
// gets 503 and Retry-After. Bodies of callers whom nobody knows yet have a part of
// the budget of their own.
//
// An alert that joins a remediation under way is evidence where it is the first
// of its name, or more severe than those before: it becomes signal.joined, once.
//
// A PingSource starts a round every few minutes. It ends the alerts that expired
// because their senders fell silent (signal.resolved, marked as expired: weak
// evidence); it raises KubernautHeartbeatLost when no Watchdog came within
// HEARTBEAT_WITHIN, and ends it when one came; and it looks for what senders
// lost, as far as SCAN_EVENTS, SCAN_FLUX and SCAN_ALERTMANAGER (the receiver's
// name; ALERTMANAGER_URL says whom to ask) say: the package scan. What a round
// finds goes the way of what is posted, so that doing it twice does no harm. Of
// too many events each namespace has an equal share, and scan_cut is counted.
// So many alerts may wait to end and no more: one that finds no room is to be
// posted again (expiries_full), for without it would fire for ever.
// Where Redis forgets, expiries come back as alerts are posted again, and the
// heartbeat's time begins anew.
//
//	POST /api/v1/round   a binary event of type dev.knative.sources.ping; 204
//
// What would become of a request, and why, is asked at /api/v1/explain, with
// the path of the source behind it or, to have that guessed, without:
//
//	POST /api/v1/explain/api/v1/signals/prometheus
//	200 an Explanation; text for people where Accept says text/plain
//
// Up to the claim the gateway's own code runs, and its questions to the cluster
// are noted; from there the deployed stages are asked, with events that are
// sealed for explanation only: what is proposed, what is decided, and what execute
// would change and disturb, or why it would refuse; for what is held, as if a
// person had approved it. Nothing is written, tried, published or counted as a
// signal. A stage that does not answer is named, and the rest is given. Whoever
// may post signals may ask, so errors are named, and told in the logs only.
//
// Settings beyond those of all stages: CLUSTER_NAME is this cluster's name, by
// which alerts of others are told apart, and which stands in where an alert names
// no cluster. NEVER_TARGETS lists labels that never
// name a target, MONITORING_SERVICES and MONITORING_PODS names of what belongs
// to the monitoring (*part*, front*, *end or a whole name). Their entries are
// separated by commas and added to the defaults in shared/signal; one with a
// minus in front takes a default away:
//
//	NEVER_TARGETS=shard,-application MONITORING_SERVICES=mimir*,-*-operator
//
// RESOLVE_TIMEOUT is how long an alert of /api/v2/alerts counts as firing where
// it says no end. EVENT_REASONS and EVENT_MAX_AGE say which Kubernetes events are
// signals.
//
// settings.go has all of them.
//
// STAGE_URLS (stage=url,stage=url) names stages that are elsewhere than at the
// Service of their name; explanations ask them.
package function
