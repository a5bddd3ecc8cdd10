package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// hopType begins the type of every event of a chain; its number follows.
const hopType = "hop."

// relay answers an event of type hop.<n> by one of type hop.<n+1>, as the stages
// of a pipeline without anything to do would, and keeps when the last came.
type relay struct {
	last int

	mutex   sync.Mutex
	arrived map[string]time.Time
}

func serveRelay(last int) error {
	r := &relay{last: last, arrived: map[string]time.Time{}}
	server := &http.Server{Addr: ":8080", Handler: r, ReadHeaderTimeout: 10 * time.Second}
	return server.ListenAndServe()
}

func (r *relay) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	if request.Method == http.MethodGet {
		r.tell(w)
		return
	}
	_, _ = io.Copy(io.Discard, request.Body)
	id := request.Header.Get("ce-subject")
	hop, err := strconv.Atoi(strings.TrimPrefix(request.Header.Get("ce-type"), hopType))
	if err != nil {
		http.Error(w, "no event of a chain", http.StatusUnprocessableEntity)
		return
	}
	if hop >= r.last {
		r.mutex.Lock()
		defer r.mutex.Unlock()
		r.arrived[id] = time.Now()
		return
	}
	for key, value := range map[string]string{"specversion": "1.0", "source": "/relay", "subject": id,
		"id": fmt.Sprintf("%s-%d", id, hop+1), "type": hopType + strconv.Itoa(hop+1)} {
		w.Header().Set("ce-"+key, value)
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, "{}") // a client that has gone is none to tell
}

// tell writes when each chain ended, by its id.
func (r *relay) tell(w http.ResponseWriter) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if err := json.NewEncoder(w).Encode(r.arrived); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}
