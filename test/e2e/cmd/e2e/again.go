package main

import (
	"bytes"
	"io"
	"regexp"
	"strings"
)

// failed passes on what a test program says, and keeps which tests failed.
type failed struct {
	to    io.Writer
	line  bytes.Buffer
	names []string
}

var failedTest = regexp.MustCompile(`^--- FAIL: (\w+) `)

// Write keeps an unfinished line for the next one.
func (f *failed) Write(text []byte) (int, error) {
	f.line.Write(text)
	for {
		line, rest, whole := bytes.Cut(f.line.Bytes(), []byte("\n"))
		if !whole {
			break
		}
		if found := failedTest.FindSubmatch(line); found != nil {
			f.names = append(f.names, string(found[1]))
		}
		f.line.Next(f.line.Len() - len(rest))
	}
	return f.to.Write(text)
}

// pattern matches the tests that failed, and no others.
func (f *failed) pattern() string { return "^(" + strings.Join(f.names, "|") + ")$" }
