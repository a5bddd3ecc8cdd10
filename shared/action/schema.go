package action

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// ErrInvalid marks parameters that their action's schema refuses.
var ErrInvalid = errors.New("invalid parameters")

// schema is a parameter schema, compiled when it is first used: most turns of
// most stages validate nothing.
type schema struct {
	text    string
	compile func() (*jsonschema.Schema, error)
}

// newSchema makes the schema of an object with these properties and no other.
func newSchema(properties string, required ...string) *schema {
	if required == nil {
		required = []string{}
	}
	names, _ := json.Marshal(required) // a list of strings always encodes
	text := `{"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "additionalProperties": false, "required": ` +
		string(names) + `, "properties": ` + properties + `}`
	return &schema{text: text, compile: sync.OnceValues(func() (*jsonschema.Schema, error) {
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			return nil, fmt.Errorf("read schema: %w", err)
		}
		c := jsonschema.NewCompiler()
		if err := c.AddResource("parameters.json", doc); err != nil {
			return nil, fmt.Errorf("add schema: %w", err)
		}
		return c.Compile("parameters.json")
	})}
}

func (s *schema) validate(name string, parameters map[string]any) error {
	compiled, err := s.compile()
	if err != nil {
		return fmt.Errorf("schema of %s: %w", name, err)
	}
	if parameters == nil {
		parameters = map[string]any{}
	}
	// The validator knows JSON's types only: Go's integers come in by a trip
	// through JSON, exactly as they do on the wire.
	body, err := json.Marshal(parameters)
	if err != nil {
		return fmt.Errorf("%w of %s: %w", ErrInvalid, name, err)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(string(body)))
	if err != nil {
		return fmt.Errorf("%w of %s: %w", ErrInvalid, name, err)
	}
	if err := compiled.Validate(value); err != nil {
		return fmt.Errorf("%w of %s: %w", ErrInvalid, name, flatten(err))
	}
	return nil
}

// flatten turns the validator's tree into one line that names each parameter.
func flatten(err error) error {
	var v *jsonschema.ValidationError
	if !errors.As(err, &v) {
		return err
	}
	var lines []string
	var walk func(*jsonschema.ValidationError)
	walk = func(v *jsonschema.ValidationError) {
		if len(v.Causes) == 0 {
			unit := v.BasicOutput()
			where := "/" + strings.Join(v.InstanceLocation, "/")
			if unit.Error != nil {
				lines = append(lines, where+" "+unit.Error.String())
			}
		}
		for _, c := range v.Causes {
			walk(c)
		}
	}
	walk(v)
	if len(lines) == 0 {
		return err
	}
	return errors.New(strings.Join(lines, "; "))
}
