package history

import (
	"fmt"
	"strings"
	"sync"
)

// Opener opens the store that a URL of its scheme names.
type Opener func(url string) (Store, error)

// ReaderOpener opens a store only to read it.
type ReaderOpener func(url string) (Reader, error)

var (
	openersMu sync.RWMutex
	openers   = map[string]Opener{}
	readers   = map[string]ReaderOpener{}
)

// Register makes a scheme known to Open. It panics when the scheme is taken:
// that is a mistake of the build.
func Register(scheme string, open Opener) {
	openersMu.Lock()
	defer openersMu.Unlock()
	if _, taken := openers[scheme]; taken {
		panic("history: scheme " + scheme + " is registered twice")
	}
	openers[scheme] = open
}

// RegisterReader has OpenReader open a scheme in another way than Open, with
// less than a writer needs.
func RegisterReader(scheme string, open ReaderOpener) {
	openersMu.Lock()
	defer openersMu.Unlock()
	if _, taken := readers[scheme]; taken {
		panic("history: readers of the scheme " + scheme + " are registered twice")
	}
	readers[scheme] = open
}

// Open opens the store that the URL names, such as sqlite:///path/to/file.
func Open(url string) (Store, error) {
	open, _, err := openerOf(url)
	if err != nil {
		return nil, err
	}
	store, err := open(url)
	if err != nil {
		return nil, fmt.Errorf("open history: %w", err)
	}
	return store, nil
}

// OpenReader opens the store that the URL names for somebody who only reads:
// in PostgreSQL a role with no other right suffices, and makes no tables.
func OpenReader(url string) (Reader, error) {
	open, only, err := openerOf(url)
	if err != nil {
		return nil, err
	}
	var reader Reader
	if only != nil {
		reader, err = only(url)
	} else {
		reader, err = open(url)
	}
	if err != nil {
		return nil, fmt.Errorf("open history: %w", err)
	}
	return reader, nil
}

// openerOf finds how to open what a URL names: whole, and where that differs
// only to read it.
func openerOf(url string) (Opener, ReaderOpener, error) {
	scheme, _, found := strings.Cut(url, ":")
	if !found {
		return nil, nil, fmt.Errorf("open history: %w: the URL names no scheme, such as sqlite:", ErrInvalid)
	}
	openersMu.RLock()
	defer openersMu.RUnlock()
	open := openers[scheme]
	if open == nil {
		return nil, nil, fmt.Errorf("open history: %w: no store is linked for the scheme %q", ErrInvalid, scheme)
	}
	return open, readers[scheme], nil
}
