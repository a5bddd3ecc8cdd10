// Package v1alpha1 declares the fields of the func operator's Function that func
// itself reads and writes. func only uses them where the Function CRD is
// installed, and otherwise asks discovery and goes on without.
package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the API group that discovery is asked for.
var GroupVersion = schema.GroupVersion{Group: "functions.dev", Version: "v1alpha1"}

// FunctionSpec says where a function's source is and where its image goes.
type FunctionSpec struct {
	Repository FunctionSpecRepository `json:"repository"`
	Registry   FunctionSpecRegistry   `json:"registry,omitempty"`
}

// FunctionSpecRepository names a Git repository, a branch and a folder in it.
type FunctionSpecRepository struct {
	URL    string `json:"url"`
	Branch string `json:"branch,omitempty"`
	Path   string `json:"path,omitempty"`
}

// FunctionSpecRegistry names the Secret that pushing needs, if any.
type FunctionSpecRegistry struct {
	AuthSecretRef *corev1.LocalObjectReference `json:"authSecretRef,omitempty"`
}

// FunctionStatus carries the name that the operator found in func.yaml.
type FunctionStatus struct {
	Name string `json:"name,omitempty"`
}

// Function is one deployed function.
type Function struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   FunctionSpec   `json:"spec,omitempty"`
	Status FunctionStatus `json:"status,omitempty"`
}

// FunctionList is a page of functions.
type FunctionList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []Function `json:"items"`
}

// AddToScheme registers Function and FunctionList.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion, &Function{}, &FunctionList{})
	metav1.AddToGroupVersion(s, GroupVersion)
	return nil
}

// DeepCopyObject returns a copy that shares nothing with f.
func (f *Function) DeepCopyObject() runtime.Object {
	out := *f
	f.ObjectMeta.DeepCopyInto(&out.ObjectMeta)
	if ref := f.Spec.Registry.AuthSecretRef; ref != nil {
		out.Spec.Registry.AuthSecretRef = ref.DeepCopy()
	}
	return &out
}

// DeepCopyObject returns a copy that shares nothing with l.
func (l *FunctionList) DeepCopyObject() runtime.Object {
	out := *l
	l.ListMeta.DeepCopyInto(&out.ListMeta)
	out.Items = make([]Function, len(l.Items))
	for i := range l.Items {
		out.Items[i] = *l.Items[i].DeepCopyObject().(*Function)
	}
	return &out
}
