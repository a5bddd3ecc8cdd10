package bed

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
)

// unmountBelow detaches every mount at or below dir, the latest first: images'
// overlays, volumes of pods, network namespaces.
func unmountBelow(dir string) error {
	points, err := mountsBelow(dir)
	if err != nil {
		return err
	}
	var failed []error
	for _, point := range slices.Backward(points) {
		err := syscall.Unmount(point, syscall.MNT_DETACH)
		if err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOENT) {
			failed = append(failed, fmt.Errorf("unmount %s: %w", point, err))
		}
	}
	return errors.Join(failed...)
}

// shareMounts makes dir a mount point below which every mount is seen in mount
// namespaces that are made later, too.
func shareMounts(dir string) error {
	err := os.MkdirAll(dir, 0o755)
	if err == nil {
		err = syscall.Mount(dir, dir, "", syscall.MS_BIND, "")
	}
	if err == nil {
		err = syscall.Mount("", dir, "", syscall.MS_SHARED, "")
	}
	if err != nil {
		return fmt.Errorf("share mounts below %s: %w", dir, err)
	}
	return nil
}

// mountsBelow are the mount points at or below dir in the order they were made.
func mountsBelow(dir string) ([]string, error) {
	content, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("list mounts: %w", err)
	}
	return parseMounts(string(content), dir), nil
}

// mountPointField is the place of the mount point in a line of mountinfo.
const mountPointField = 4

// octal undoes how the kernel writes white space in a path.
var octal = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

func parseMounts(mountinfo, dir string) []string {
	var points []string
	for line := range strings.Lines(mountinfo) {
		fields := strings.Fields(line)
		if len(fields) <= mountPointField {
			continue
		}
		point := octal.Replace(fields[mountPointField])
		if point == dir || strings.HasPrefix(point, dir+"/") {
			points = append(points, point)
		}
	}
	return points
}
