package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/redis/go-redis/v9"
)

var (
	// ErrUnavailable marks an error that can pass: Redis cannot be reached, is
	// loading, full, or changing masters. Answer 503 and let the sender retry.
	ErrUnavailable = errors.New("redis unavailable")
	// ErrNotHolder says that another reservation or remediation holds the claim.
	ErrNotHolder = errors.New("claim held by another")
	// ErrSettled says that this remediation has already ended.
	ErrSettled = errors.New("remediation settled")
	// ErrLostLease says that a lease (inbox turn, due item, lock) passed to
	// somebody else; what was done under it must not be recorded.
	ErrLostLease = errors.New("lease lost")
	// ErrNotFound says that nothing is recorded under that id.
	ErrNotFound = errors.New("not found")
	// ErrInvalid says that an argument is empty, too long or holds characters
	// that must not reach a key. Repeating the call cannot help.
	ErrInvalid = errors.New("invalid argument")
)

// wrap names the operation and marks what can pass as ErrUnavailable.
func wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	if passing(err) {
		return fmt.Errorf("%s: %w: %w", op, ErrUnavailable, err)
	}
	return fmt.Errorf("%s: %w", op, err)
}

// passingReplies are the Redis error codes that end without our doing.
var passingReplies = []string{
	"LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "OOM", "MISCONF",
	"NOREPLICAS", "BUSY", "MOVED", "ASK", "UNBLOCKED", "ERR max number of clients",
}

func passing(err error) bool {
	var reply redis.Error
	if errors.As(err, &reply) {
		for _, code := range passingReplies {
			if strings.HasPrefix(reply.Error(), code) {
				return true
			}
		}
		return false
	}
	var network net.Error
	return errors.As(err, &network) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) ||
		errors.Is(err, redis.ErrClosed) || errors.Is(err, redis.ErrPoolTimeout) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}
