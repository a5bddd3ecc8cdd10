package api

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/history"
)

// defaultLimit is how many remediations a list has unless asked otherwise.
const defaultLimit = 50

// parameters are what a list may be narrowed by. One that is not known is
// refused: a misspelt filter would otherwise show everything.
var parameters = map[string]func(f *history.Filter, value string) (wrong string){
	"namespace": func(f *history.Filter, v string) string { f.Namespace = v; return "" },
	"kind":      func(f *history.Filter, v string) string { f.Kind = v; return "" },
	"name":      func(f *history.Filter, v string) string { f.Name = v; return "" },
	"alert":     func(f *history.Filter, v string) string { f.Alert = v; return "" },
	"action":    func(f *history.Filter, v string) string { f.Action = v; return "" },
	"outcome":   func(f *history.Filter, v string) string { f.Outcome = v; return "" },
	"phase":     setPhase,
	"live":      setLive,
	"limit":     setLimit,
}

// filterOf reads a query, or says for people what is wrong with it.
func filterOf(q url.Values) (history.Filter, string) {
	f := history.Filter{Limit: defaultLimit}
	for _, name := range slices.Sorted(maps.Keys(q)) {
		set, ok := parameters[name]
		if !ok {
			return f, fmt.Sprintf("There is no filter %.64q; there are %s.", name, strings.Join(slices.Sorted(maps.Keys(parameters)), ", "))
		}
		if wrong := set(&f, q.Get(name)); wrong != "" {
			return f, wrong
		}
	}
	return f, ""
}

func setPhase(f *history.Filter, value string) string {
	for _, entry := range event.Catalogue() {
		if value == entry.Type || value == event.ShortType(entry.Type) {
			f.Phase = entry.Type
			return ""
		}
	}
	return "phase must be a type of the catalogue, such as remediation.held."
}

func setLive(f *history.Filter, value string) string {
	live, err := strconv.ParseBool(value)
	if err != nil {
		return "live must be true or false."
	}
	f.Unended = live
	return ""
}

func setLimit(f *history.Filter, value string) string {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > history.MaxPage {
		return "limit must be a whole number between 1 and " + strconv.Itoa(history.MaxPage) + "."
	}
	f.Limit = n
	return ""
}
