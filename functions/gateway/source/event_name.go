package source

import "strings"

// Reasons by which kubelets report several things of a pod; only the message
// tells which.
const (
	// reasonFailed: no image, or no container of it.
	reasonFailed = "Failed"
	// reasonBackOff: a container is not restarted yet, or an image not pulled yet.
	reasonBackOff = "BackOff"
)

// What they mean, in the words of the state that the container waits in.
const (
	namePull            = "ErrImagePull"
	namePullBackOff     = "ImagePullBackOff"
	nameCreateContainer = "CreateContainerError"
)

// imageErrors are kubelets' own words for an image that they do not get; the
// whole message is "Error: " and one of them.
var imageErrors = map[string]bool{namePull: true, namePullBackOff: true, "ErrImageNeverPull": true, "InvalidImageName": true,
	"ImageInspectError": true, "RegistryUnavailable": true, "SignatureValidationFailed": true}

// combined is what the recorder of events puts in front of a message where it
// makes one event of many that are alike.
const combined = "(combined from similar events): "

// name is what the event is called as a signal: its reason, but what a kubelet
// means where it says no more than that something of a pod failed. Others may
// call anything of theirs so.
func (c *clusterEvent) name() string {
	if c.about.object.Kind != "Pod" {
		return c.reason
	}
	message := strings.TrimPrefix(c.message, combined)
	switch c.reason {
	case reasonBackOff:
		if strings.HasPrefix(message, "Back-off pulling image") {
			return namePullBackOff
		}
	case reasonFailed:
		return failedMeans(message)
	}
	return c.reason
}

// failedMeans is what a kubelet's Failed tells of.
func failedMeans(message string) string {
	said, isError := strings.CutPrefix(message, "Error: ")
	switch {
	case strings.HasPrefix(message, "Failed to pull image"):
		return namePull
	case isError && imageErrors[said]:
		return said
	}
	// Creating it, starting it, or a hook of the kubelet's in between; the message
	// is the runtime's, or names what is missing, such as a Secret.
	return nameCreateContainer
}
