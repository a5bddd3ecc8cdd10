package event

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// sectionTypes are the Go types of all sections.
func sectionTypes() map[string]reflect.Type {
	types := map[string]reflect.Type{}
	for _, e := range catalogue {
		for name, t := range fieldsOf(reflect.TypeOf(e.Data()).Elem()) {
			types[name] = t
		}
	}
	return types
}

func fieldsOf(t reflect.Type) map[string]reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	fields := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		fields[name] = f.Type
	}
	return fields
}

// led is the type that a cut's path leads to; nil where it leads nowhere.
func led(t reflect.Type, path string) reflect.Type {
	for _, part := range strings.Split(path, ".") {
		for t != nil && t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		switch {
		case t == nil:
			return nil
		case part == "*" && (t.Kind() == reflect.Slice || t.Kind() == reflect.Map):
			t = t.Elem()
		case t.Kind() == reflect.Struct:
			t = fieldsOf(t)[part]
		default:
			return nil
		}
	}
	return t
}

func TestEveryCutLeadsToSomethingThatCanBeCut(t *testing.T) {
	types := sectionTypes()
	for _, table := range [][]cut{cuts, proposalCuts} {
		for _, c := range table {
			for _, path := range c.paths {
				end := led(types[c.section], path)
				require.NotNil(t, end, "%s.%s", c.section, path)
				list := end.Kind() == reflect.Slice || end.Kind() == reflect.Map
				require.True(t, list || end.Kind() == reflect.String, "%s.%s", c.section, path)
				if list {
					require.NotContains(t, path, "*", "%s.%s: no mark could say which", c.section, path)
					require.Contains(t, fieldsOf(types[c.section]), "cut", "%s.%s: there is no place for a mark", c.section, path)
				} else {
					require.Greater(t, c.most, len(cutMark), "%s.%s: there is no room for a mark", c.section, path)
				}
			}
		}
	}
}

func TestNoCutTouchesWhatSomethingRestsOn(t *testing.T) {
	for _, c := range cuts {
		require.NotContains(t, []string{SectionRemediation, SectionProposal, SectionProgress, SectionAnalysis}, c.section)
		for _, path := range c.paths {
			for _, kept := range []string{"target", "changes", "undo.changes", "parameters", "outcome", "gitOps", "unavailable", "cut"} {
				require.False(t, path == kept || strings.HasPrefix(path, kept+".") && path != "unavailable.*.reason", "%s.%s", c.section, path)
			}
		}
	}
}
