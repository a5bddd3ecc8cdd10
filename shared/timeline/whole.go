package timeline

import (
	"slices"

	"kubernaut.ai/shared/history"
)

// Whole tells whether the cause of each entry is among them. Events reach
// history each on its own, so for a moment an effect may be there without it.
func Whole(entries []history.Entry) bool {
	there := make(map[string]bool, len(entries))
	for _, e := range entries {
		there[e.ID] = true
	}
	return !slices.ContainsFunc(entries, func(e history.Entry) bool { return e.Causation != "" && !there[e.Causation] })
}
