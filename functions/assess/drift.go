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

	"kubernaut.ai/shared/cluster"
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

// Drift compares the changed fields, and the pod template, with what the action
// left. A template that an action replaced is compared by its digest.
func (c clusterEyes) Drift(ctx context.Context, x event.Execution) Drift {
	now := present{c.kube, map[event.Target]*liveObject{}}
	found := now.fields(ctx, x.Changes)
	if found.Moved || found.Detail != "" || x.Template == "" || readers[x.Target.Kind] == nil {
		return found
	}
	return now.template(ctx, x)
}

// present reads what there is now, each object once.
type present struct {
	kube kubernetes.Interface
	seen map[event.Target]*liveObject
}

// liveObject is an object as its client's type, and as JSON has it.
type liveObject struct {
	typed metav1.Object
	body  any
}

// see reads an object. Where there is none to compare with, what that means for
// drift is said instead.
func (p present) see(ctx context.Context, t event.Target) (*liveObject, Drift) {
	if o := p.seen[t]; o != nil {
		return o, Drift{}
	}
	typed, err := readers[t.Kind](ctx, p.kube, t)
	if err != nil {
		return nil, Drift{Detail: t.String() + " cannot be read: " + err.Error()}
	}
	if uid := string(typed.GetUID()); t.UID != "" && uid != t.UID {
		return nil, Drift{Known: true, Moved: true, Detail: t.String() + " was replaced by another object"}
	}
	body, err := plain(typed)
	if err != nil {
		return nil, Drift{Detail: err.Error()}
	}
	p.seen[t] = &liveObject{typed, body}
	return p.seen[t], Drift{}
}

// fields compares each changed field with what was applied.
func (p present) fields(ctx context.Context, changes []event.Change) (out Drift) {
	for _, change := range changes {
		if readers[change.Target.Kind] == nil {
			continue
		}
		o, none := p.see(ctx, change.Target)
		if o == nil {
			return none
		}
		if !checkable(change.Field) {
			continue
		}
		out.Known = true
		if now := at(o.body, change.Field); !same(now, change.After) {
			return Drift{Known: true, Moved: true, Detail: event.Cut(fmt.Sprintf("%s of %s is %v, %v was applied",
				change.Field, change.Target, now, change.After), event.MaxText)}
		}
	}
	return out
}

// template tells whether the workload has the pod template that the action left:
// what runs from another one says nothing of the action.
func (p present) template(ctx context.Context, x event.Execution) Drift {
	o, none := p.see(ctx, x.Target)
	if o == nil {
		return none
	}
	template, ok := cluster.PodTemplate(o.typed)
	if !ok {
		return Drift{Detail: x.Target.String() + " has no pod template"}
	}
	digest, err := cluster.TemplateDigest(template)
	switch {
	case err != nil:
		return Drift{Detail: err.Error()}
	case digest != x.Template:
		return Drift{Known: true, Moved: true, Detail: "somebody has rolled out another pod template of " + x.Target.String()}
	}
	return Drift{Known: true}
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
