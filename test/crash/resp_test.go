package main

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// maxBulk bounds one RESP string, so that a broken length cannot take all memory.
const maxBulk = 16 << 20

// readValue reads one RESP value of any version as it came, and the strings
// of its first level.
func readValue(r *bufio.Reader) (raw []byte, items []string, err error) {
	line, err := r.ReadBytes('\n')
	if err != nil {
		return nil, nil, err
	}
	raw = line
	head := strings.TrimRight(string(line[1:]), "\r\n")
	switch line[0] {
	case '+', '-', ':', '_', '#', ',', '(':
		return raw, []string{string(line[0]) + head}, nil
	}
	n, err := strconv.Atoi(head)
	if err != nil {
		return nil, nil, fmt.Errorf("read RESP length %q: %w", line, err)
	}
	switch line[0] {
	case '$', '!', '=':
		if n < 0 {
			return raw, []string{""}, nil
		}
		if n > maxBulk {
			return nil, nil, fmt.Errorf("read RESP string of %d bytes", n)
		}
		body := make([]byte, n+len("\r\n"))
		if _, err := io.ReadFull(r, body); err != nil {
			return nil, nil, err
		}
		return append(raw, body...), []string{string(body[:n])}, nil
	case '%', '|':
		n *= 2
	case '*', '~', '>':
	default:
		return nil, nil, fmt.Errorf("read RESP type %q", line[0])
	}
	for range n {
		part, texts, err := readValue(r)
		if err != nil {
			return nil, nil, err
		}
		raw = append(raw, part...)
		items = append(items, strings.Join(texts, " "))
	}
	return raw, items, nil
}
