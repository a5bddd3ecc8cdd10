// Package source turns what senders post into alerts: one file a sender.
//
// A source says where it is posted to, which media types it takes and how its
// sender wants success answered, and reads requests. It knows no cluster, no
// Redis and no Broker: what becomes of its alerts is the gateway's matter. To
// add one, write a file like this, and change no other:
//
//	func init() { Register(openPager) }
//
//	type pager struct{}
//
//	func openPager(Settings) (Source, error) { return pager{}, nil }
//
//	func (pager) Name() string         { return "pager" }
//	func (pager) Paths() []string      { return []string{"/api/v1/signals/pager"} }
//	func (pager) MediaTypes() []string { return []string{MediaJSON} }
//	func (pager) Reply() Reply         { return Report }
//	func (pager) Read(r Request) (Batch, error) {
//		...
//	}
//
// Bodies are read strictly, in one pass, without reflection: see reader.
package source
