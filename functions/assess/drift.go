package function

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"kubernaut.ai/shared/event"
)

// readers read the kinds whose fields actions change.
var readers = map[string]func(context.Context, kubernetes.Interface, event.Target) (metav1.Object, error){
	"Deployment": func(ctx context.Context, k kubernetes.Interface, t event.Target) (metav1.Object, error) {
		return k.AppsV1().Deployments(t.Namespace).Get(ctx, t.Name, metav1.GetOptions{})
	},
	"StatefulSet": func(ctx context.Context, k kubernetes.Interface, t event.Target) (metav1.Object, error) {
		return k.AppsV1().StatefulSets(t.Namespace).Get(ctx, t.Name, metav1.GetOptions{})
	},
	"DaemonSet": func(ctx context.Context, k kubernetes.Interface, t event.Target) (metav1.Object, error) {
		return k.AppsV1().DaemonSets(t.Namespace).Get(ctx, t.Name, metav1.GetOptions{})
	},
	"HorizontalPodAutoscaler": func(ctx context.Context, k kubernetes.Interface, t event.Target) (metav1.Object, error) {
		return k.AutoscalingV2().HorizontalPodAutoscalers(t.Namespace).Get(ctx, t.Name, metav1.GetOptions{})
	},
	"Node": func(ctx context.Context, k kubernetes.Interface, t event.Target) (metav1.Object, error) {
		return k.CoreV1().Nodes().Get(ctx, t.Name, metav1.GetOptions{})
	},
}

// Drift compares the changed fields with what was applied. Fields that hold
// more than a receipt does, as a pod template, are left out.
func (c clusterEyes) Drift(ctx context.Context, changes []event.Change) Drift {
	var out Drift
	live := map[event.Target]any{}
	for _, change := range changes {
		read, ok := readers[change.Target.Kind]
		if !ok || !checkable(change.Field) {
			continue
		}
		body, ok := live[change.Target]
		if !ok {
			object, err := read(ctx, c.kube, change.Target)
			if err != nil {
				return Drift{Detail: change.Target.String() + " cannot be read: " + err.Error()}
			}
			if uid := string(object.GetUID()); change.Target.UID != "" && uid != change.Target.UID {
				return Drift{Known: true, Moved: true, Detail: change.Target.String() + " was replaced by another object"}
			}
			if body, err = plain(object); err != nil {
				return Drift{Detail: err.Error()}
			}
			live[change.Target] = body
		}
		out.Known = true
		if now := at(body, change.Field); !same(now, change.After) {
			return Drift{Known: true, Moved: true, Detail: event.Cut(fmt.Sprintf("%s of %s is %v, %v was applied",
				change.Field, change.Target, now, change.After), event.MaxText)}
		}
	}
	return out
}

// templateField is recorded by the names of revisions, not by its value.
const templateField = "/spec/template"

func checkable(field string) bool { return strings.HasPrefix(field, "/") && field != templateField }

// plain is the object as JSON has it.
func plain(object any) (any, error) {
	raw, err := json.Marshal(object)
	if err != nil {
		return nil, fmt.Errorf("encode live object: %w", err)
	}
	var body any
	if err := json.Unmarshal(raw, &body); err != nil {
		return nil, fmt.Errorf("decode live object: %w", err)
	}
	return body, nil
}

var unescape = strings.NewReplacer("~1", "/", "~0", "~")

// at is the value that a JSON Pointer leads to, nil if there is none.
func at(body any, pointer string) any {
	for _, part := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
		switch b := body.(type) {
		case map[string]any:
			body = b[unescape.Replace(part)]
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(b) {
				return nil
			}
			body = b[i]
		default:
			return nil
		}
	}
	return body
}

// same compares values as JSON has them; quantities by what they amount to,
// and what is absent with what is false, empty or zero by omission.
func same(now, applied any) bool {
	applied, err := plain(applied)
	if err != nil {
		return false
	}
	if reflect.DeepEqual(now, applied) || now == nil && applied == false {
		return true
	}
	a, okA := now.(string)
	b, okB := applied.(string)
	if !okA || !okB {
		return false
	}
	qa, errA := resource.ParseQuantity(a)
	qb, errB := resource.ParseQuantity(b)
	return errA == nil && errB == nil && qa.Cmp(qb) == 0
}
