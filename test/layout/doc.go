// Package layout holds the house rules: who may import whom, where each
// library belongs, that func.yaml files agree with the fleet's defaults, and
// that adding a stage touches no other stage.
package layout
