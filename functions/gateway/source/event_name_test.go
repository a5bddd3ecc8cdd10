package source

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// eventOf is an event as the API server has it.
func eventOf(t *testing.T, kind, eventType, reason, message string) Request {
	t.Helper()
	body, err := json.Marshal(map[string]any{"kind": "Event", "apiVersion": "v1", "type": eventType, "reason": reason, "message": message,
		"firstTimestamp": "2026-11-22T03:59:00Z", "lastTimestamp": "2026-11-22T03:59:30Z",
		"involvedObject": map[string]string{"apiVersion": "v1", "kind": kind, "namespace": "shop", "name": "cart-1", "uid": "3c1f", "fieldPath": "spec.containers{cart}"}})
	require.NoError(t, err)
	return request(string(body))
}

// TestTheEventsThatKubernetesReports has what kubelets, controllers and the
// scheduler write where a workload does not run, and what they write beside it.
func TestTheEventsThatKubernetesReports(t *testing.T) {
	const podEvent, jobEvent, nodeEvent, claimEvent, setEvent = "Pod", "Job", "Node", "PersistentVolumeClaim", "ReplicaSet"
	for name, test := range map[string]struct {
		kind, eventType, reason, message string
		// want is name=severity of the signal; else ignored is why it is none.
		want, ignored string
	}{
		"an image that cannot be pulled":                 {podEvent, "Warning", "Failed", `Failed to pull image "shop/cart:2": not found`, "ErrImagePull=medium", ""},
		"the same, many times":                           {podEvent, "Warning", "Failed", combined + `Failed to pull image "shop/cart:2": not found`, "ErrImagePull=medium", ""},
		"the container that then is not made":            {podEvent, "Warning", "Failed", "Error: ErrImagePull", "ErrImagePull=medium", ""},
		"and waits for the next try":                     {podEvent, "Warning", "Failed", "Error: ImagePullBackOff", "ImagePullBackOff=medium", ""},
		"what kubelets say of that wait in passing":      {podEvent, "Normal", "BackOff", `Back-off pulling image "shop/cart:2"`, "", ReasonNormalEvent},
		"what one says of it that warns":                 {podEvent, "Warning", "BackOff", `Back-off pulling image "shop/cart:2"`, "ImagePullBackOff=medium", ""},
		"an image that may not be pulled, and its cause": {podEvent, "Warning", "ErrImageNeverPull", `Container image "x" is not present with pull policy of Never`, "ErrImageNeverPull=medium", ""},
		"an image that may not be pulled":                {podEvent, "Warning", "Failed", "Error: ErrImageNeverPull", "ErrImageNeverPull=medium", ""},
		"an image with a name that is none":              {podEvent, "Warning", "InspectFailed", `Failed to apply default image tag "x:": couldn't parse image reference`, "InspectFailed=medium", ""},
		"and its container":                              {podEvent, "Warning", "Failed", "Error: InvalidImageName", "InvalidImageName=medium", ""},
		"a container whose Secret is missing":            {podEvent, "Warning", "Failed", `Error: secret "cart" not found`, "CreateContainerError=high", ""},
		"a message that only begins like an image's":     {podEvent, "Warning", "Failed", "Error: ErrImagePull of something", "CreateContainerError=high", ""},
		"a container that the runtime cannot start":      {podEvent, "Warning", "Failed", `Error: failed to create containerd task: exec: "cart": executable file not found in $PATH`, "CreateContainerError=high", ""},
		"a hook of the kubelet's own that failed":        {podEvent, "Warning", "Failed", "Internal PreStartContainer hook failed: no device", "CreateContainerError=high", ""},
		"what another controller calls failed":           {"TaskRun", "Warning", "Failed", `"step-build" exited with code 1`, "", ReasonNotWanted},
		"a container that crashes again and again":       {podEvent, "Warning", "BackOff", "Back-off restarting failed container cart in pod cart-1_shop(3c1f)", "BackOff=high", ""},
		"a hook of the container that failed":            {podEvent, "Warning", "FailedPostStartHook", "PostStartHook failed", "FailedPostStartHook=high", ""},
		"a probe that fails":                             {podEvent, "Warning", "Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 500", "Unhealthy=medium", ""},
		"a probe that says more than it should":          {podEvent, "Warning", "ProbeWarning", "Readiness probe warning: redirect", "", ReasonNotWanted},
		"a pod without a network":                        {podEvent, "Warning", "FailedCreatePodSandBox", "Failed to create pod sandbox: no IP addresses available", "FailedCreatePodSandBox=medium", ""},
		"a node that is starting":                        {podEvent, "Warning", "NetworkNotReady", "network is not ready: cni plugin not initialized", "", ReasonNotWanted},
		"an end that took a second try":                  {podEvent, "Warning", "FailedKillPod", "error killing pod", "", ReasonNotWanted},
		"a pod without room":                             {podEvent, "Warning", "FailedScheduling", "0/3 nodes are available: 3 Insufficient cpu.", "FailedScheduling=high", ""},
		"a pod that had to go":                           {podEvent, "Warning", "Evicted", "The node was low on resource: memory.", "Evicted=high", ""},
		"a volume that is not mounted":                   {podEvent, "Warning", "FailedMount", `MountVolume.SetUp failed for volume "data"`, "FailedMount=high", ""},
		"a device that is not mapped":                    {podEvent, "Warning", "FailedMapVolume", "MapVolume.MapPodDevice failed", "FailedMapVolume=high", ""},
		"a volume that is attached elsewhere":            {podEvent, "Warning", "FailedAttachVolume", "Multi-Attach error", "FailedAttachVolume=high", ""},
		"a claim that gets no volume":                    {claimEvent, "Warning", "ProvisioningFailed", `storageclass "fast" not found`, "ProvisioningFailed=high", ""},
		"a claim that does not grow":                     {claimEvent, "Warning", "VolumeResizeFailed", "resize volume failed", "VolumeResizeFailed=medium", ""},
		"pods that a quota forbids":                      {setEvent, "Warning", "FailedCreate", "Error creating: exceeded quota", "FailedCreate=high", ""},
		"a Job that gave up":                             {jobEvent, "Warning", "BackoffLimitExceeded", "Job has reached the specified backoff limit", "BackoffLimitExceeded=high", ""},
		"a Job that took too long":                       {jobEvent, "Warning", "DeadlineExceeded", "Job was active longer than specified deadline", "DeadlineExceeded=high", ""},
		"a pod on a node that is gone":                   {podEvent, "Warning", "NodeNotReady", "Node is not ready", "NodeNotReady=critical", ""},
		"a node without memory":                          {nodeEvent, "Warning", "SystemOOM", "System OOM encountered, victim process: cart, pid: 7", "SystemOOM=critical", ""},
		"an autoscaler before its metrics are there":     {"HorizontalPodAutoscaler", "Warning", "FailedGetResourceMetric", "no metrics returned from resource metrics API", "", ReasonNotWanted},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := opened(t, nil, atExporter).Read(eventOf(t, test.kind, test.eventType, test.reason, test.message))
			require.NoError(t, err)
			got := b.Items[0]
			require.Equal(t, []string{"", test.ignored}, []string{got.Invalid, got.Ignored})
			if test.ignored == "" {
				require.Equal(t, test.want, got.Alert.Name()+"="+got.Alert.Labels["severity"])
				require.Equal(t, test.message, got.Alert.Annotations["message"], "people see what was said")
			}
		})
	}
}

func TestEventsAreWantedByTheirReasonOrTheirName(t *testing.T) {
	pull := eventOf(t, "Pod", "Warning", "Failed", "Error: ErrImagePull")
	create := eventOf(t, "Pod", "Warning", "Failed", `Error: secret "cart" not found`)
	other := eventOf(t, "TaskRun", "Warning", "Failed", "exited")
	for setting, want := range map[string][3]string{
		"ErrImagePull=low":             {"low", "", ""},
		"Failed=critical":              {"critical", "critical", "critical"},
		"Failed=high,ErrImagePull=low": {"low", "high", "high"},
	} {
		for i, r := range []Request{pull, create, other} {
			b, err := opened(t, settings{EnvEventReasons: setting}, atExporter).Read(r)
			require.NoError(t, err)
			require.Equal(t, want[i], b.Items[0].Alert.Labels["severity"], "%s %d", setting, i)
			require.Equal(t, want[i] == "", b.Items[0].Ignored == ReasonNotWanted)
		}
	}
}

func TestWhatAKubeletCallsFailedIsSeveralAlerts(t *testing.T) {
	ids := map[string]bool{}
	for _, message := range []string{"Error: ErrImagePull", `Failed to pull image "x"`, "Error: ImagePullBackOff", "Error: no such file"} {
		b, err := opened(t, nil, atExporter).Read(eventOf(t, "Pod", "Warning", "Failed", message))
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(b.Items[0].Alert.ID, "moment-"))
		ids[b.Items[0].Alert.ID] = true
	}
	require.Len(t, ids, 3, "both ways to say that the pull failed are one")
}

func TestEveryDefaultReasonHasItsSeverityOnce(t *testing.T) {
	_, err := readEventRules(settings(nil))
	require.NoError(t, err)
	seen := map[string]bool{}
	for entry := range strings.SplitSeq(DefaultEventReasons, ",") {
		reason, _, given := strings.Cut(entry, "=")
		require.True(t, given, "%s has no severity", entry)
		require.False(t, seen[reason], "%s twice", reason)
		seen[reason] = true
	}
}
