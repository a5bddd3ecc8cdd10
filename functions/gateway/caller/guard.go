package caller

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"kubernaut.ai/shared/ledger"
)

// endWithin bounds what is remembered of a request after its answer.
const endWithin = 5 * time.Second

// realm of every challenge.
const realm = ` realm="kubernaut"`

// kind judges one kind of credential: the name of its holder, errAbsent where
// the request carries none, or a *Refusal.
type kind interface {
	judge(r *http.Request) (string, error)
}

// Guard decides who may post.
type Guard struct {
	everybody bool
	kinds     []kind
	signed    *signatures
	open      map[string]bool
	// local gives nil where only the cluster's network reaches the gateway.
	local      func(context.Context) error
	challenges []string
	// asks is what a caller without a credential is told to send.
	asks string
}

// Caller is who posts, as far as the head of the request says it.
type Caller struct {
	// Name is the kind of credential and whose it is, such as basic:alice; never
	// a secret. Empty until the body is verified.
	Name string

	// mac is the signature that the body still has to match.
	mac []byte
}

// Known tells that a credential was accepted before the body is read.
func (c Caller) Known() bool { return c.Name != "" }

// Anonymous tells that the caller posts to an open path without a credential.
func (c Caller) Anonymous() bool { return c.Name == networkName }

// Proven tells that the head of the request proves who the caller is, where
// anybody has to.
func (c Caller) Proven() bool { return c.Known() && !c.Anonymous() }

// New makes a guard, or says which setting or file keeps it from one. It reads
// files and asks nobody.
func New(o Options) (*Guard, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	g := &Guard{everybody: o.uses(KindNone), open: map[string]bool{}, local: o.Local, asks: strings.Join(o.Kinds, ", ")}
	if g.local == nil {
		g.local = published
	}
	for _, path := range o.OpenPaths {
		g.open[normal(path)] = true
	}
	for _, add := range []func(*Guard) error{o.addAuthorization, o.addCertificates, o.addSignatures} {
		if err := add(g); err != nil {
			return nil, err
		}
	}
	if o.uses(KindLoopback) {
		g.kinds = append(g.kinds, loopback{})
	}
	if len(g.challenges) == 0 {
		g.challenges = []string{"Kubernaut" + realm}
	}
	return g, nil
}

func (o Options) addAuthorization(g *Guard) error {
	a := &authorization{}
	if o.uses(KindToken) {
		f, err := o.file(FileTokens)
		if err != nil {
			return err
		}
		a.bearers = append(a.bearers, tokens{f})
	}
	if o.uses(KindServiceAccount) {
		a.bearers = append(a.bearers, newAccounts(o))
	}
	if len(a.bearers) > 0 {
		g.challenges = append(g.challenges, "Bearer"+realm)
	}
	if o.uses(KindBasic) {
		f, err := o.file(FileUsers)
		if err != nil {
			return err
		}
		a.users = &users{f}
		g.challenges = append(g.challenges, "Basic"+realm)
	}
	if len(g.challenges) > 0 {
		g.kinds = append(g.kinds, a)
	}
	return nil
}

func (o Options) addCertificates(g *Guard) error {
	if !o.uses(KindCertificate) {
		return nil
	}
	c := &certificates{names: map[string]bool{}, header: o.ClientHeader, now: o.Now}
	for _, name := range o.Clients {
		c.names[name] = true
	}
	if o.ClientHeader != "" {
		var err error
		if c.ingress, err = o.file(FileIngress); err != nil {
			return err
		}
		if c.authorities, err = o.file(FileAuthorities); err != nil {
			return err
		}
		if _, err = c.pool(); err != nil {
			return err
		}
	}
	g.kinds = append(g.kinds, c)
	return nil
}

func (o Options) addSignatures(g *Guard) error {
	if !o.uses(KindHMAC) {
		return nil
	}
	f, err := o.file(FileHMAC)
	if err != nil {
		return err
	}
	g.signed = &signatures{file: f, window: o.Window, inbox: o.Inbox, now: o.Now}
	if g.signed.window == 0 {
		g.signed.window = DefaultWindow
	}
	g.challenges = append(g.challenges, "HMAC-SHA256"+realm)
	return nil
}

// Head judges all of a request but its body. Its error is a *Refusal.
func (g *Guard) Head(r *http.Request) (Caller, error) {
	if g.everybody {
		return Caller{Name: KindNone}, nil
	}
	var c Caller
	for _, k := range g.kinds {
		name, err := k.judge(r)
		switch {
		case errors.Is(err, errAbsent):
		case err != nil:
			return Caller{}, g.challenged(err)
		case c.Name == "":
			c.Name = name
		}
	}
	if g.signed != nil {
		var err error
		if c.mac, err = g.signed.claimed(r); err != nil {
			return Caller{}, g.challenged(err)
		}
	}
	if c.Name == "" && c.mac == nil {
		return g.stranger(r)
	}
	return c, nil
}

// stranger is a request without any credential.
func (g *Guard) stranger(r *http.Request) (Caller, error) {
	no := unauthorized(ReasonNoCredential, "The request says not who sends it. In use here: "+g.asks+".")
	if !g.open[normal(r.URL.Path)] || !fromCluster(r) {
		return Caller{}, g.challenged(no)
	}
	switch err := g.local(r.Context()); {
	case err == nil:
		return Caller{Name: networkName}, nil
	case errors.Is(err, ErrPublished):
		no.Cause = err
		return Caller{}, g.challenged(no)
	default:
		return Caller{}, unasked(err)
	}
}

// Body judges the body, where the head leaves that to it. Where it is accepted,
// done must be called with whether the request was taken: what was not may
// come again. Its error is a *Refusal.
func (g *Guard) Body(ctx context.Context, c Caller, body []byte) (done func(taken bool) error, err error) {
	if c.mac == nil {
		return func(bool) error { return nil }, nil
	}
	if err := g.signed.verify(c.mac, body); err != nil {
		return nil, g.challenged(err)
	}
	turn, err := g.signed.begin(ctx, body)
	if err != nil {
		return nil, g.challenged(err)
	}
	return g.ending(ctx, turn), nil
}

// ending outlives the sender, who may hang up as soon as it has its answer.
func (g *Guard) ending(ctx context.Context, turn ledger.Turn) func(bool) error {
	return func(taken bool) error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
		defer cancel()
		return g.signed.end(ctx, turn, taken)
	}
}

// challenged makes a refusal of an error, with what RFC 7235 asks of a 401.
func (g *Guard) challenged(err error) *Refusal {
	var r *Refusal
	if !errors.As(err, &r) {
		r = unanswered(err)
	}
	if r.Status == http.StatusUnauthorized {
		r.Challenges = g.challenges
	}
	return r
}

// normal is a path without what senders may write after it.
func normal(path string) string {
	if path == "/" {
		return path
	}
	return strings.TrimSuffix(path, "/")
}
