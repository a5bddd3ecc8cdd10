package stage

import "net/http"

// WakePath is where a stage that sleeps is woken up, before there is anything
// for it to do: triggers/wake leads there. Whatever is posted is taken, read by
// nobody, and answered with nothing.
const WakePath = "/wake"

// wake answers whoever woke the stage: that it hears this at all is all there was
// to do.
func wake(w http.ResponseWriter) { w.WriteHeader(http.StatusAccepted) }
