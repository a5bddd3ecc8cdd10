package signal

import "strings"

// Lengths of names in Kubernetes, in bytes.
const (
	maxName  = 253
	maxLabel = 63
)

// ValidName reports whether s is a DNS-1123 subdomain, as the names of most
// objects are: dots are legal, and nodes use them.
func ValidName(s string) bool {
	if s == "" || len(s) > maxName {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if alphanumeric(c) {
			continue
		}
		edge := i == 0 || i == len(s)-1 || !alphanumeric(s[i-1]) && s[i-1] != '-'
		if c != '-' && c != '.' || edge || c == '-' && s[i-1] == '.' || c == '.' && s[i-1] == '-' {
			return false
		}
	}
	return true
}

// ValidNamespace reports whether s is a DNS-1123 label.
func ValidNamespace(s string) bool {
	return len(s) <= maxLabel && ValidName(s) && !strings.Contains(s, ".")
}

func alphanumeric(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }
