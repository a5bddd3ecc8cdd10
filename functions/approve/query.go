package function

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/history"
	"kubernaut.ai/shared/stage"
)

// defaultLimit is how many remediations a page has unless asked otherwise.
const defaultLimit = 50

// parameters are what a list may be narrowed by, and how it goes on. One that
// is not known is refused: a misspelt filter would otherwise show everything.
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
	"continue":  setContinue,
}

// filterOf reads the query of a list.
func filterOf(q url.Values) (history.Filter, error) {
	return readQuery(q, history.Filter{Limit: defaultLimit}, parameters)
}

// readQuery has each parameter of a query set its part of f, or says for people
// what is wrong with it.
func readQuery[F any](q url.Values, f F, known map[string]func(f *F, value string) (wrong string)) (F, error) {
	for _, name := range slices.Sorted(maps.Keys(q)) {
		set, ok := known[name]
		switch {
		case !ok:
			return f, wrongQuery(fmt.Sprintf("There is no filter %.64q; there are %s.", name, strings.Join(slices.Sorted(maps.Keys(known)), ", ")))
		case len(q[name]) > 1:
			return f, wrongQuery("The filter " + name + " is given more than once.")
		case !storable(q.Get(name)):
			return f, wrongQuery("The filter " + name + " holds what no name holds.")
		}
		if wrong := set(&f, q.Get(name)); wrong != "" {
			return f, wrongQuery(wrong)
		}
	}
	return f, nil
}

func wrongQuery(detail string) error {
	return &badRequest{stage.ProblemValidation, http.StatusBadRequest, detail}
}

// storable tells that a text can be in the history at all: databases refuse to
// look for what is none.
func storable(text string) bool {
	return len(text) <= history.MaxField && utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

func setPhase(f *history.Filter, value string) (wrong string) {
	f.Phase, wrong = typeOf("phase", value)
	return wrong
}

// typeOf is a type of the catalogue by its whole or its short name.
func typeOf(parameter, value string) (eventType, wrong string) {
	for _, entry := range event.Catalogue() {
		if value == entry.Type || value == event.ShortType(entry.Type) {
			return entry.Type, ""
		}
	}
	return "", parameter + " must be a type of the catalogue, such as remediation.held."
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

// token says where the page behind this remediation begins. It is no secret,
// and grants nothing: each page is asked for with the caller's own rights.
func token(c history.Cursor) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(c.OpenedAt.UnixNano(), 36) + " " + c.ID))
}

func setContinue(f *history.Filter, value string) string {
	const wrong = "continue must be what the page before says."
	text, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil {
		return wrong
	}
	at, id, _ := strings.Cut(string(text), " ")
	nanos, err := strconv.ParseInt(at, 36, 64)
	if err != nil || id == "" || !storable(id) {
		return wrong
	}
	f.After = history.Cursor{OpenedAt: time.Unix(0, nanos).UTC(), ID: id}
	return ""
}
