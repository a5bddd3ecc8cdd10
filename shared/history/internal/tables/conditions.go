package tables

import (
	"strings"

	"kubernaut.ai/shared/history"
)

// Conditions gathers the terms of a WHERE clause with their arguments.
type Conditions struct {
	// Placeholder writes the driver's placeholder of the nth argument, from 1.
	Placeholder func(n int) string
	// Args are the arguments so far, in the order of their placeholders.
	Args  []any
	terms []string
}

// Arg adds an argument and answers its placeholder.
func (c *Conditions) Arg(value any) string {
	c.Args = append(c.Args, value)
	return c.Placeholder(len(c.Args))
}

func (c *Conditions) add(term string) { c.terms = append(c.terms, term) }

// equal adds a term for a value that is not empty. The column is a constant
// of this package, never what a caller sent.
func (c *Conditions) equal(column, value string) {
	if value != "" {
		c.add(column + " = " + c.Arg(value))
	}
}

// anyOf adds a term for a column that has one of the values: none of none.
func (c *Conditions) anyOf(column string, values []string) {
	if len(values) == 0 {
		c.add("1 = 0")
		return
	}
	places := make([]string, len(values))
	for i, value := range values {
		places[i] = c.Arg(value)
	}
	c.add(column + " IN (" + strings.Join(places, ", ") + ")")
}

// IDs adds that the id is one of these.
func (c *Conditions) IDs(ids []string) { c.anyOf("id", ids) }

// Filter adds what a filter selects, the place to continue from included.
func (c *Conditions) Filter(f history.Filter) {
	c.add(Known)
	c.equal("namespace", f.Namespace)
	c.equal("kind", f.Kind)
	c.equal("name", f.Name)
	c.equal("alert", f.Alert)
	c.equal("action", f.Action)
	c.equal("phase", f.Phase)
	c.equal("outcome", f.Outcome)
	if f.Namespaces != nil {
		c.anyOf("namespace", f.Namespaces)
	}
	if f.Unended {
		c.add(Live)
	}
	if f.After.ID != "" {
		c.add("(opened, id) < (" + c.Arg(Nanos(f.After.OpenedAt)) + ", " + c.Arg(f.After.ID) + ")")
	}
}

// Case adds what a case selects.
func (c *Conditions) Case(of history.Case) {
	c.equal("alert", of.Alert)
	c.equal("kind", of.Kind)
	c.equal("action", of.Action)
}

// Where is the whole clause, empty without terms.
func (c *Conditions) Where() string { return c.after("WHERE ") }

// And continues a clause, and is empty without terms.
func (c *Conditions) And() string { return c.after(" AND ") }

func (c *Conditions) after(word string) string {
	if len(c.terms) == 0 {
		return ""
	}
	return word + strings.Join(c.terms, " AND ")
}
