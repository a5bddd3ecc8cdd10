package bed

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"time"
)

// pingRedis is nil when a Redis answers PONG: it listens before it has read its
// file, and answers LOADING meanwhile. Two lines of protocol need no client.
func pingRedis(ctx context.Context, address, password string) error {
	connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("ask redis: %w", err)
	}
	defer func() { _ = connection.Close() }()
	if deadline, bounded := ctx.Deadline(); bounded {
		_ = connection.SetDeadline(deadline)
	} else {
		_ = connection.SetDeadline(time.Now().Add(attemptPatience))
	}
	if _, err := fmt.Fprintf(connection, "AUTH %s\r\nPING\r\n", password); err != nil {
		return fmt.Errorf("ask redis: %w", err)
	}
	answers := bufio.NewReader(connection)
	for _, want := range []string{"+OK", "+PONG"} {
		line, err := answers.ReadString('\n')
		if err != nil {
			return fmt.Errorf("ask redis: %w", err)
		}
		if got := strings.TrimSpace(line); got != want {
			return fmt.Errorf("ask redis: it answers %q", got)
		}
	}
	return nil
}
