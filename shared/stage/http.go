package stage

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"

	"kubernaut.ai/shared/event"
)

// OpenHTTP connects an HTTP stage and returns its handler.
type OpenHTTP func(ctx context.Context, rt *Runtime) (http.Handler, error)

// HTTPFunction is a stage that people and senders outside the Broker call.
type HTTPFunction struct {
	lifecycle
	open    OpenHTTP
	handler http.Handler
}

// NewHTTP makes an HTTP stage. It does no I/O and cannot fail.
func NewHTTP(name string, open OpenHTTP, options ...Option) *HTTPFunction {
	return &HTTPFunction{lifecycle: newLifecycle(name, options), open: open}
}

// Start connects the stage.
func (f *HTTPFunction) Start(ctx context.Context, settings map[string]string) error {
	return f.start(ctx, settings, func(ctx context.Context, rt *Runtime) (err error) {
		f.handler, err = f.open(ctx, rt)
		return err
	})
}

// Handle serves one request within the turn's budget.
func (f *HTTPFunction) Handle(w http.ResponseWriter, r *http.Request) {
	if !f.ready() {
		w.Header().Set("Retry-After", "1")
		Problem{Type: ProblemUnavailable, Status: http.StatusServiceUnavailable, Detail: "The function has not started; try again in a second."}.Write(w, r)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), TurnBudget)
	defer cancel()
	ctx, span := f.rt.meters.tracer.Start(withLogger(ctx, f.rt), f.name+" "+r.Method)
	defer span.End()
	defer func() {
		if cause := recover(); cause != nil {
			f.rt.Drop(ctx, ReasonPanic, event.Cut(fmt.Sprint(cause), event.MaxText))
			Logger(ctx).Errorw("panic", "cause", cause, "stack", string(debug.Stack()))
			Problem{Type: ProblemInternal, Status: http.StatusInternalServerError, Detail: "A defect was met and logged."}.Write(w, r)
		}
	}()
	f.handler.ServeHTTP(w, r.WithContext(ctx))
}
