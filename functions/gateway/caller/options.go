package caller

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Kinds of credential.
const (
	KindToken          = "token"
	KindBasic          = "basic"
	KindServiceAccount = "serviceaccount"
	KindCertificate    = "certificate"
	KindHMAC           = "hmac"
	KindLoopback       = "loopback"
	KindNone           = "none"
)

var kinds = []string{KindToken, KindBasic, KindServiceAccount, KindCertificate, KindHMAC, KindLoopback, KindNone}

// Files of the folder of credentials.
const (
	FileTokens      = "tokens"
	FileUsers       = "users"
	FileHMAC        = "hmac"
	FileIngress     = "ingress"
	FileAuthorities = "client-ca"
)

// DefaultWindow is how old a signed body may be.
const DefaultWindow = 5 * time.Minute

// Options say who may post. The settings that its errors name are the gateway's.
type Options struct {
	// Kinds of credential in use. There is no default: nobody posts by oversight.
	Kinds []string
	// Dir holds the files of credentials.
	Dir string
	// Clients are the names of certificates that may post.
	Clients []string
	// ClientHeader is where an ingress forwards certificates; empty is nowhere.
	ClientHeader string
	// OpenPaths need no credential from the cluster's network.
	OpenPaths []string
	// Local gives nil where only the cluster's network reaches the gateway,
	// ErrPublished where more may, and any other error where that cannot be found
	// out now. Without it open paths are closed.
	Local func(ctx context.Context) error
	// Window is how old a signed body may be; zero is DefaultWindow.
	Window time.Duration
	// Reviewer is asked about ServiceAccounts' tokens, and whether they may create
	// signals in Namespace.
	Reviewer  Reviewer
	Namespace string
	// Inbox remembers which signed bodies were taken.
	Inbox Inbox
	Now   func() time.Time
}

// errNobody is what a gateway says that was not told who may post.
var errNobody = fmt.Errorf("setting GATEWAY_AUTH is missing: list who may post signals, of %s; %s serves everybody", strings.Join(kinds, ", "), KindNone)

func (o Options) validate() error {
	if len(o.Kinds) == 0 {
		return errNobody
	}
	for _, k := range o.Kinds {
		if !slices.Contains(kinds, k) {
			return fmt.Errorf("setting GATEWAY_AUTH: there is no kind %q; there are %s", k, strings.Join(kinds, ", "))
		}
	}
	if o.uses(KindNone) && len(o.Kinds) > 1 {
		return errors.New("setting GATEWAY_AUTH: none beside other kinds would let everybody in; leave it out, or leave it alone")
	}
	if o.uses(KindCertificate) && len(o.Clients) == 0 {
		return errors.New("setting GATEWAY_CLIENTS is missing: list the names of client certificates that may post")
	}
	for _, path := range o.OpenPaths {
		if !strings.HasPrefix(path, "/") {
			return fmt.Errorf("setting GATEWAY_OPEN_PATHS: %q does not begin with /", path)
		}
	}
	return nil
}

func (o Options) uses(kind string) bool { return slices.Contains(o.Kinds, kind) }

// file opens a file of credentials, which must hold one.
func (o Options) file(name string) (*secretFile, error) {
	if o.Dir == "" {
		return nil, errors.New("setting GATEWAY_AUTH_DIR is missing: name the folder that holds the file " + name)
	}
	f := &secretFile{path: filepath.Join(o.Dir, name), now: o.Now}
	if err := f.required(); err != nil {
		return nil, fmt.Errorf("setting GATEWAY_AUTH_DIR: %w: put a credential into the key %s of the Secret kubernaut-callers, or take its kind out of GATEWAY_AUTH", err, name)
	}
	return f, nil
}
