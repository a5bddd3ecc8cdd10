package simulation

import (
	"crypto/sha256"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

const (
	// maxBody bounds a request's body, as the real server does.
	maxBody       = 3 << 20
	adminName     = "simulation-admin"
	mastersGroup  = "system:masters"
	authenticated = "system:authenticated"
	bearerPrefix  = "Bearer "
)

// handler is the API server's front: who asks, for what, in which form; then the verb's own function.
type handler struct {
	cluster *Cluster
	users   map[[sha256.Size]byte]User
}

func newHandler(c *Cluster) *handler {
	h := &handler{cluster: c, users: make(map[[sha256.Size]byte]User, len(c.options.Users)+1)}
	for token, user := range c.options.Users {
		user.Groups = append(append([]string(nil), user.Groups...), authenticated)
		h.users[sha256.Sum256([]byte(token))] = user
	}
	h.users[sha256.Sum256([]byte(c.options.Token))] = User{Name: adminName, Groups: []string{mastersGroup, authenticated}}
	return h
}

// user finds the bearer of a token. Looking up a digest takes the same time however much of a token is right.
func (h *handler) user(token string) (User, bool) {
	user, ok := h.users[sha256.Sum256([]byte(token))]
	return user, ok && token != ""
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.serveOpen(w, r) {
		return
	}
	token, isBearer := strings.CutPrefix(r.Header.Get("Authorization"), bearerPrefix)
	user, known := h.user(token)
	if !isBearer || !known {
		writeError(w, apierrors.NewUnauthorized("Unauthorized"))
		return
	}
	if !acceptable(r.Header.Get("Accept")) {
		writeError(w, notAcceptable())
		return
	}
	if r.Method == http.MethodGet && h.serveDiscovery(w, r) {
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	p, ok := parsePath(r.URL.Path)
	if !ok {
		writeError(w, notFoundPath())
		return
	}
	if h.serveReview(w, r, p, user) || h.serveMetrics(w, r, p) {
		return
	}
	h.serveResource(w, r, p, user)
}

// serveOpen answers what needs no identity.
func (h *handler) serveOpen(w http.ResponseWriter, r *http.Request) bool {
	switch r.URL.Path {
	case "/healthz", "/readyz", "/livez":
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("ok"))
	case "/version", "/version/":
		writeObject(w, http.StatusOK, serverVersion)
	default:
		return false
	}
	return true
}

func (h *handler) serveResource(w http.ResponseWriter, r *http.Request, p path, user User) {
	resource := served.byName[p.gv.WithResource(p.plural)]
	if resource == nil || (p.sub != "" && !resource.hasSubresource(p.sub)) || (p.namespace != "" && !resource.namespaced) {
		writeError(w, notFoundPath())
		return
	}
	c, err := newCall(r, p, resource, user)
	if err != nil {
		writeError(w, err)
		return
	}
	fault := h.cluster.faults.take(c.Request)
	if fault != nil && !fault.after {
		fault.strike(w)
		return
	}
	if fault == nil {
		h.dispatch(w, c)
		return
	}
	// The request is carried out, and its answer lost: what a client sees when the server dies just after the write.
	h.dispatch(&lostResponse{header: http.Header{}}, c)
	fault.strike(w)
}

func newCall(r *http.Request, p path, resource *resource, user User) (*call, error) {
	query := r.URL.Query()
	dryRun, err := parseDryRun(query["dryRun"])
	if err != nil {
		return nil, err
	}
	verb := verbOf(r, p, query)
	if resource.namespaced && p.namespace == "" && verb != verbList && verb != verbWatch {
		return nil, methodNotAllowed(resource, verb)
	}
	if (verb == verbCreate) != (p.name == "") && verb != verbList && verb != verbWatch && verb != verbAll && p.sub != subresourceEviction {
		return nil, methodNotAllowed(resource, verb)
	}
	return &call{
		Request: Request{
			Verb: verb, Resource: resource.gvr, Namespace: p.namespace, Name: p.name, Subresource: p.sub,
			User: user.Name, UserAgent: r.UserAgent(), FieldManager: managerOf(query, r.UserAgent()), DryRun: dryRun,
		},
		resource: resource, user: user, query: query, http: r,
	}, nil
}

func (h *handler) dispatch(w http.ResponseWriter, c *call) {
	var err error
	switch {
	case c.Subresource == subresourceScale:
		err = h.scale(w, c)
	case c.Subresource == subresourceEviction && c.Verb == verbCreate:
		err = h.evict(w, c)
	case c.Subresource == subresourceLog && c.Verb == verbGet:
		err = h.logs(w, c)
	case c.Subresource == subresourceEviction || c.Subresource == subresourceLog:
		err = methodNotAllowed(c.resource, c.Verb)
	default:
		err = h.dispatchVerb(w, c)
	}
	if err != nil {
		writeError(w, err)
	}
}

func (h *handler) dispatchVerb(w http.ResponseWriter, c *call) error {
	switch c.Verb {
	case verbGet:
		return h.get(w, c)
	case verbList:
		return h.list(w, c)
	case verbWatch:
		return h.watch(w, c)
	case verbCreate:
		return h.create(w, c)
	case verbUpdate:
		return h.update(w, c)
	case verbPatch:
		return h.patch(w, c)
	case verbDelete:
		return h.remove(w, c)
	case verbAll:
		return h.removeAll(w, c)
	}
	return methodNotAllowed(c.resource, c.Verb)
}

func (r *resource) hasSubresource(name string) bool {
	switch name {
	case subresourceStatus:
		return r.status
	case subresourceScale:
		return r.scale
	case subresourceFinalize:
		return r == namespaces
	}
	for _, extra := range r.extra {
		if extra == name {
			return true
		}
	}
	return false
}

func methodNotAllowed(r *resource, verb string) error {
	return apierrors.NewMethodNotSupported(r.groupResource(), verb)
}

func notFoundPath() error {
	err := apierrors.NewGenericServerResponse(http.StatusNotFound, "", schema.GroupResource{}, "", "404 page not found", 0, false)
	err.ErrStatus.Message = "the server could not find the requested resource"
	return err
}
