package history

import "context"

// Batches repeats a bounded deletion until it removes nothing more, and sums
// up. Stores build Prune on it.
func Batches(ctx context.Context, remove func(context.Context) (int, error)) (int, error) {
	for removed := 0; ; {
		n, err := remove(ctx)
		removed += n
		if err != nil || n == 0 {
			return removed, err
		}
	}
}
