package ledger

import (
	"encoding/json"
	"fmt"
	"strings"
)

// deadBody is the head of a stored dead letter: one line, before the event.
type deadBody struct {
	Reason      string `json:"reason,omitempty"`
	Code        int    `json:"code,omitempty"`
	Destination string `json:"destination,omitempty"`
	Remediation string `json:"remediation,omitempty"`
}

func encodeDead(d DeadLetter) ([]byte, error) {
	err := firstError(checkID("dead letter", d.ID), checkText("reason", d.Reason), checkText("destination", d.Destination))
	if err == nil && d.Remediation != "" {
		err = checkID("remediation", d.Remediation)
	}
	if err != nil {
		return nil, err
	}
	header, err := json.Marshal(deadBody{d.Reason, d.Code, d.Destination, d.Remediation})
	if err != nil {
		return nil, fmt.Errorf("encode dead letter: %w", err)
	}
	packed, err := pack(d.Event)
	if err != nil {
		return nil, err
	}
	return append(append(header, '\n'), packed...), nil
}

func decodeDead(id, stored string) (DeadLetter, error) {
	head, packed, _ := strings.Cut(stored, "\n")
	letter, err := decodeHead(id, head)
	if err != nil {
		return letter, err
	}
	letter.Event, err = unpack(packed)
	return letter, err
}

// decodeHead reads a dead letter without its event.
func decodeHead(id, head string) (DeadLetter, error) {
	var body deadBody
	if err := json.Unmarshal([]byte(head), &body); err != nil {
		return DeadLetter{ID: id}, fmt.Errorf("dead letter %q is malformed: %w", id, err)
	}
	return DeadLetter{ID: id, Reason: body.Reason, Code: body.Code, Destination: body.Destination, Remediation: body.Remediation}, nil
}
