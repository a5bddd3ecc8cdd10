package caller

import (
	"encoding/base64"
	"strings"
)

// users accepts the lines user:password of a file.
type users struct{ file *secretFile }

func (u *users) accept(credential string) (string, error) {
	pair, err := base64.StdEncoding.DecodeString(credential)
	if err != nil || !strings.Contains(string(pair), ":") {
		return "", unauthorized(ReasonMalformedCredential, "The Authorization header is not user:password in base64.")
	}
	lines, err := u.file.secrets()
	if err != nil {
		return "", unanswered(err)
	}
	line, ok := match(lines, string(pair))
	if !ok {
		return "", unauthorized(ReasonWrongCredential, "The user or the password is wrong.")
	}
	name, _, _ := strings.Cut(line, ":")
	return KindBasic + ":" + name, nil
}
