package sqlite

import (
	"database/sql"
	"errors"
	"fmt"

	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"kubernaut.ai/shared/history"
)

// unavailable marks every failure of the database as one that may pass: what
// was asked is known to be valid, so only the database can be at fault.
func unavailable(err error) error {
	for _, known := range []error{nil, history.ErrUnavailable, history.ErrNotFound, history.ErrNotEnded, sql.ErrNoRows} {
		if errors.Is(err, known) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", history.ErrUnavailable, err)
}

// busy tells whether another connection holds the lock.
func busy(err error) bool {
	var e *driver.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code() & 0xff {
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		return true
	}
	return false
}
