package stage

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// FromLoopback is nil for a request of somebody on this machine: it came over
// the loopback interface, was addressed to it by name, was passed on by no
// proxy for anybody from elsewhere, and was not sent by another site's page in
// a browser, which can reach local ports too.
func FromLoopback(r *http.Request) error {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !peer.Addr().Unmap().IsLoopback() {
		return errors.New("only the loopback interface is trusted")
	}
	if !localHost(r.Host) {
		return errors.New("the request is addressed to another host")
	}
	if forwarded(r.Header) {
		return errors.New("the request was forwarded from elsewhere")
	}
	return http.NewCrossOriginProtection().Check(r)
}

func localHost(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && addr.IsLoopback()
}

// forwarded tells that a proxy on this machine passes on a stranger's request.
func forwarded(h http.Header) bool {
	if h.Get("Forwarded") != "" || h.Get("X-Real-Ip") != "" {
		return true
	}
	for _, line := range h.Values("X-Forwarded-For") {
		for hop := range strings.SplitSeq(line, ",") {
			addr, err := netip.ParseAddr(strings.TrimSpace(hop))
			if err != nil || !addr.Unmap().IsLoopback() {
				return true
			}
		}
	}
	return false
}
