package main

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// The overlays of deploy/overlays, by what they bring.
const (
	overlayDev        = "dev"
	overlayProduction = "production"
	overlayExternal   = "external"
)

var overlays = []string{overlayDev, overlayProduction, overlayExternal}

// Keys of the stores' Secrets.
const (
	keyURL = "url"
	// keyReaderURL is for those who only read the history.
	keyReaderURL = "reader-url"
	keyPassword  = "password"
	// keyAuthConf is a file that deploy/stores' Redis includes.
	keyAuthConf = "auth.conf"
)

// What deploy/stores calls its parts.
const (
	redisHost     = "redis"
	redisReplicas = 3
	redisPort     = 6379
	sentinelPort  = 26379
	masterName    = "kubernaut"
	postgresHost  = "postgresql"
	postgresPort  = 5432
	postgresName  = "kubernaut"
)

// stores say where Redis and PostgreSQL are.
type stores struct {
	namespace, overlay string
	redis, history     string
	// reader is history as somebody who may only read it; empty is history.
	reader string
}

func (s stores) validate() error {
	if s.namespace == "" {
		return errors.New("namespace is empty")
	}
	if s.overlay != "" && !slices.Contains(overlays, s.overlay) {
		return fmt.Errorf("overlay %q is unknown; there are %s. For one of your own, name the one that it is made of", s.overlay, strings.Join(overlays, ", "))
	}
	return errors.Join(hasScheme("redis-url", s.redis, "redis", "rediss"), hasScheme("history-url", s.history, "postgres", "postgresql"),
		hasScheme("history-reader-url", s.reader, "postgres", "postgresql"))
}

// hasScheme checks a URL without repeating it: it holds a password.
func hasScheme(name, raw string, schemes ...string) error {
	if raw == "" {
		return nil
	}
	scheme, _, _ := strings.Cut(raw, "://")
	if !slices.Contains(schemes, scheme) {
		return fmt.Errorf("%s: want a URL that starts with %s://", name, strings.Join(schemes, ":// or "))
	}
	return nil
}

// address fills the Secrets of the stores. A URL of the user's own wins, now
// or from an earlier run; that of a store which deploy/stores brings follows the
// overlay.
func (s stores) address(m *material) error {
	var errRedis, errHistory error
	was := m.history
	switch {
	case s.redis != "":
		m.redis, errRedis = s.usersOwn(given{"redis-url", s.redis, []string{overlayDev, overlayProduction}}, m.redis)
	case m.redis[keyURL] == "", brought(m.redis) && s.overlay != "":
		m.redis, errRedis = s.ownRedis(m.redis[keyPassword])
	}
	switch {
	case s.history != "":
		m.history, errHistory = s.usersOwn(given{"history-url", s.history, []string{overlayDev}}, m.history)
	case m.history[keyURL] == "", brought(m.history) && s.overlay != "":
		m.history, errHistory = s.ownHistory(m.history[keyPassword])
	}
	if errHistory == nil {
		m.history[keyReaderURL], errHistory = s.readerURL(was, m.history[keyURL])
	}
	return errors.Join(errRedis, errHistory)
}

// given is a URL that the user gave, and the overlays that bring such a store.
type given struct {
	flag, url string
	broughtBy []string
}

// usersOwn addresses a store of the user's own. What else the Secret holds stays:
// the store that an overlay brought keeps its volume, which no other password
// opens. A URL that stands in the environment by chance must not end its use.
func (s stores) usersOwn(g given, was map[string]string) (map[string]string, error) {
	if brought(was) && g.url != was[keyURL] && (s.overlay == "" || slices.Contains(g.broughtBy, s.overlay)) {
		return nil, fmt.Errorf("%s is given, by the flag or by the environment, but the cluster uses the store that its overlay brought: leave it out or, to change to your own, name an overlay without that store, such as OVERLAY=%s", g.flag, overlayExternal)
	}
	secret := map[string]string{}
	maps.Copy(secret, was)
	secret[keyURL] = g.url
	return secret, nil
}

// brought tells that the Secret's URL is that of a store which an overlay brought.
func brought(secret map[string]string) bool {
	return secret[keyPassword] != "" && strings.Contains(secret[keyURL], ":"+secret[keyPassword]+"@")
}

// readerURL is the one given, now or in an earlier run; without one, readers
// come as record does.
func (s stores) readerURL(was map[string]string, history string) (string, error) {
	given := was[keyReaderURL]
	switch {
	case s.reader != "":
		return s.reader, nil
	case given == "" || given == was[keyURL]:
		return history, nil
	case was[keyURL] != history:
		return "", errors.New("history-reader-url is missing: the history's URL is another now, and the reader's was its own; name both")
	}
	return given, nil
}

// ownRedis addresses the Redis of the overlay, with its password or a new one.
func (s stores) ownRedis(password string) (map[string]string, error) {
	if s.overlay != overlayDev && s.overlay != overlayProduction {
		return nil, errors.New("redis-url is missing: name your Redis with REDIS_URL=redis://..., or an overlay that brings one with OVERLAY=" + overlayDev + " or OVERLAY=" + overlayProduction)
	}
	if err := fill(&password); err != nil {
		return nil, err
	}
	u := url.URL{Scheme: "redis", User: url.UserPassword("", password), Host: s.host(redisHost, redisPort), Path: "/0"}
	if s.overlay == overlayProduction {
		u.Host, u.RawQuery = s.sentinels(), url.Values{"master_name": {masterName}}.Encode()
	}
	return map[string]string{keyURL: u.String(), keyPassword: password,
		keyAuthConf: "requirepass " + password + "\nmasterauth " + password + "\n"}, nil
}

// ownHistory addresses the PostgreSQL of the overlay, with its password or a
// new one.
// Both ends are in one namespace, whose network policy keeps others out; the
// connection is not encrypted.
func (s stores) ownHistory(password string) (map[string]string, error) {
	if s.overlay != overlayDev {
		return nil, errors.New("history-url is missing: name your PostgreSQL with HISTORY_URL=postgres://..., or the overlay that brings one with OVERLAY=" + overlayDev)
	}
	if err := fill(&password); err != nil {
		return nil, err
	}
	u := url.URL{Scheme: "postgres", User: url.UserPassword(postgresName, password), Host: s.host(postgresHost, postgresPort),
		Path: "/" + postgresName, RawQuery: url.Values{"sslmode": {"disable"}}.Encode()}
	return map[string]string{keyURL: u.String(), keyPassword: password}, nil
}

// fill makes a password where there is none.
func fill(password *string) (err error) {
	if *password == "" {
		*password, err = newPassword()
	}
	return err
}

func (s stores) host(service string, port int) string {
	return fmt.Sprintf("%s.%s.svc:%d", service, s.namespace, port)
}

// sentinels lists the sentinels beside each Redis.
func (s stores) sentinels() string {
	hosts := make([]string, redisReplicas)
	for i := range hosts {
		hosts[i] = fmt.Sprintf("%s-%d.%s", redisHost, i, s.host(redisHost, sentinelPort))
	}
	return strings.Join(hosts, ",")
}
