package function

import (
	"fmt"
	"math"
	"regexp"

	"k8s.io/apimachinery/pkg/api/resource"
)

// Defaults of the caps, as execute has them.
const (
	defaultMaxMemory   = "8Gi"
	defaultMaxCPU      = "4"
	defaultMaxReplicas = 50
	defaultMaxHPA      = 50
)

// raise is by how much one rung raises a limit or a bound.
const raise = 1.5

// Steps to which raised limits are rounded up, so that they read well.
const (
	memoryStep = 8 << 20 // bytes
	cpuStep    = 10      // millicores
)

// caps bound what is proposed; what lies beyond is a person's to decide.
type caps struct {
	memory resource.Quantity
	cpu    resource.Quantity
	// replicas bounds a workload's number, autoscaler an autoscaler's maximum.
	replicas, autoscaler int32
}

// counts are the caps that are numbers.
type counts struct{ replicas, autoscaler int }

func parseCaps(memory, cpu string, n counts) (caps, error) {
	c := caps{replicas: int32(min(n.replicas, math.MaxInt32)), autoscaler: int32(min(n.autoscaler, math.MaxInt32))}
	var err error
	if c.memory, err = resource.ParseQuantity(memory); err != nil {
		return caps{}, fmt.Errorf("setting %s: %q: %w", envMaxMemory, memory, err)
	}
	if c.cpu, err = resource.ParseQuantity(cpu); err != nil {
		return caps{}, fmt.Errorf("setting %s: %q: %w", envMaxCPU, cpu, err)
	}
	return c, nil
}

// limitPattern is what a limit looks like; its exponent has two digits at most,
// since the parser takes hours over one of nine.
var limitPattern = regexp.MustCompile(`^[0-9]{1,19}(\.[0-9]{1,9})?([eE][0-9]{1,2}|[mkKMGTPE]|[KMGTPE]i)?$`)

func parseLimit(limit string) (resource.Quantity, error) {
	if !limitPattern.MatchString(limit) {
		return resource.Quantity{}, resource.ErrFormatWrong
	}
	return resource.ParseQuantity(limit)
}

// raiseMemory raises a memory limit, times over, each time rounded up to the
// step; ok is false for what is no limit, or would pass the cap.
func (c caps) raiseMemory(limit string, times int) (string, bool) {
	q, err := parseLimit(limit)
	// What is over the cap already is also what could not be counted.
	if err != nil || q.Sign() <= 0 || q.Cmp(c.memory) > 0 {
		return "", false
	}
	bytes := raised(q.Value(), memoryStep, times)
	if bytes > c.memory.Value() {
		return "", false
	}
	return fmt.Sprintf("%dMi", bytes>>20), true
}

// raiseCPU does the same for a CPU limit.
func (c caps) raiseCPU(limit string, times int) (string, bool) {
	q, err := parseLimit(limit)
	if err != nil || q.Sign() <= 0 || q.Cmp(c.cpu) > 0 {
		return "", false
	}
	milli := raised(q.MilliValue(), cpuStep, times)
	if milli > c.cpu.MilliValue() {
		return "", false
	}
	return fmt.Sprintf("%dm", milli), true
}

// raiseAutoscaler raises an autoscaler's maximum, to the cap at most.
func (c caps) raiseAutoscaler(maximum int32) (int32, bool) {
	next := min(int32(math.Ceil(float64(maximum)*raise)), c.autoscaler)
	return next, next > maximum
}

// raised multiplies and rounds up; a value beyond what can be counted
// saturates, and so passes every cap.
func raised(value, step int64, times int) int64 {
	for range times {
		f := math.Ceil(float64(value)*raise/float64(step)) * float64(step)
		if f >= math.MaxInt64/2 {
			return math.MaxInt64
		}
		value = int64(f)
	}
	return value
}
