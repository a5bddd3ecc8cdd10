package stage

import (
	"fmt"
	"net/url"
	"strings"
)

const (
	// EnvStages names stages that are elsewhere than at the Services of their
	// names: stage=url, separated by commas or spaces.
	EnvStages = "STAGE_URLS"
)

// ParseStages reads the setting EnvStages into addresses by stage, without the
// slash at their ends.
func ParseStages(text string) (map[string]string, error) {
	addresses := map[string]string{}
	for _, pair := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' }) {
		name, address, ok := strings.Cut(pair, "=")
		u, err := url.Parse(address)
		if !ok || err != nil || u.Host == "" || name == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, fmt.Errorf("setting %s: %q is not stage=url", EnvStages, pair)
		}
		addresses[name] = strings.TrimSuffix(address, "/")
	}
	return addresses, nil
}
