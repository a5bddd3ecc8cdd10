package stage

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2"
	"github.com/cloudevents/sdk-go/v2/binding"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
)

// publishTimeout bounds one POST to the Broker.
const publishTimeout = 10 * time.Second

// Sink is a Broker's address.
type Sink struct {
	url       string
	transport *http.Transport
}

// NewSink makes a sink of a Broker's URL. It keeps enough connections open
// that a burst does not dial for each event.
func NewSink(url string) *Sink {
	return &Sink{url: url, transport: &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 3 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		MaxIdleConns:        128,
		MaxIdleConnsPerHost: 128,
		IdleConnTimeout:     90 * time.Second,
	}}
}

// Post sends an event and returns when the Broker has taken it.
func (s *Sink) Post(ctx context.Context, e cloudevents.Event) error {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, nil)
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	if err := cehttp.WriteRequest(ctx, binding.ToMessage(&e), req); err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	// Not by a client: it would follow a redirection to who knows whom, and keeps
	// copies of all headers for that.
	resp, err := s.transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer drain(resp)
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("broker answered %s", resp.Status)
	}
	return nil
}

// Close gives up idle connections.
func (s *Sink) Close() { s.transport.CloseIdleConnections() }

// drain lets the connection be used again.
func drain(resp *http.Response) {
	// A failure here only costs the connection.
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 4<<10))
	_ = resp.Body.Close()
}
