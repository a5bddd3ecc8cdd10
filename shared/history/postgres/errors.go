package postgres

import (
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"

	"kubernaut.ai/shared/history"
)

// Codes of PostgreSQL (SQLSTATE) that tell of more than one failed statement.
const (
	codeReadOnly       = "25006" // a standby, or a primary that became one
	codeUndefinedTable = "42P01"
	lenClass           = 2
)

// settled are the classes and codes that stay as they are until somebody
// changes the setting, the rights or the program: everything else can pass.
var settled = []string{
	"28",    // password, or user
	"3D",    // no such database
	"3F",    // no such schema
	"22",    // data that the database cannot hold
	"42501", // not allowed
	"42601", // syntax
	"42703", // no such column
}

// unavailable marks what can pass: the server is away, starting, full, failing
// over, or locked by others.
func unavailable(err error) error {
	for _, known := range []error{history.ErrUnavailable, history.ErrInvalid, history.ErrNotFound, history.ErrNotEnded} {
		if errors.Is(err, known) {
			return err
		}
	}
	var refused *pgconn.PgError
	if errors.As(err, &refused) && len(refused.Code) > lenClass &&
		(slices.Contains(settled, refused.Code) || slices.Contains(settled, refused.Code[:lenClass])) {
		return err
	}
	return fmt.Errorf("%w: %w", history.ErrUnavailable, err)
}

// outdated tells that the pool's connections serve no more.
func outdated(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && (refused.Code == codeReadOnly || refused.Code == codeUndefinedTable)
}
