package function

import "kubernaut.ai/shared/event"

// maxLookedAt bounds how much of one message is searched for credentials: the
// search is slow, and the API server takes messages of any length.
const maxLookedAt = 8 * event.MaxText

// text is a message that somebody wrote in the cluster: a kubelet, a controller or
// whoever may create events. Credentials are taken out before it is cut, since
// half of one is not recognised.
func text(message string) string {
	return event.Cut(event.Redact(event.Cut(message, maxLookedAt)), event.MaxText)
}

// textOf is the message of an entry of a list of which so many are kept. The
// others are counted only, and a namespace may have thousands.
func textOf(i, kept int, message string) string {
	if i >= kept {
		return ""
	}
	return text(message)
}
