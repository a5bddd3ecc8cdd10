package ledger

import "context"

// inOrder runs calls so that each has had its effect before the next begins,
// in one round trip where one server does them all; on a Redis Cluster, whose
// nodes know no order among each other, it takes one trip a call. It stops at
// the first that fails, but on one server the later ones were sent with it: to
// use it, a later call without the earlier one must be something that is found
// and made good again.
func (l *Ledger) inOrder(ctx context.Context, calls ...batchCall) error {
	if l.one {
		return l.onOne(ctx, calls)
	}
	for i := range calls {
		if err := l.runBatch(ctx, calls[i:i+1]); err != nil {
			return err
		}
		if calls[i].err != nil {
			return calls[i].err
		}
	}
	return nil
}

func (l *Ledger) onOne(ctx context.Context, calls []batchCall) error {
	all := make([]int, len(calls))
	for i := range all {
		all[i] = i
	}
	missing, err := l.pipeline(ctx, calls, batchRun{which: all, send: byDigest})
	if err == nil && len(missing) > 0 {
		// From the first that Redis did not know on, so that the order holds: what
		// ran too early is repeatable and runs again in its place.
		_, err = l.pipeline(ctx, calls, batchRun{which: all[missing[0]:], send: bySource})
	}
	if err != nil {
		return err
	}
	for i := range calls {
		if calls[i].err != nil {
			return calls[i].err
		}
	}
	return nil
}
