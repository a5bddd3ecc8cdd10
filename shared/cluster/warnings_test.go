package cluster_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubernaut.ai/shared/cluster"
)

// since is a window that ends an hour after noon.
func since(after time.Time) cluster.Window {
	return cluster.Window{After: after, Until: noon.Add(time.Hour)}
}

func namespaces(names ...string) metav1.PartialObjectMetadataList {
	list := metav1.PartialObjectMetadataList{TypeMeta: metav1.TypeMeta{Kind: "PartialObjectMetadataList", APIVersion: "meta.k8s.io/v1"}}
	for _, name := range names {
		list.Items = append(list.Items, metav1.PartialObjectMetadata{
			TypeMeta:   metav1.TypeMeta{Kind: "PartialObjectMetadata", APIVersion: "meta.k8s.io/v1"},
			ObjectMeta: metav1.ObjectMeta{Name: name}})
	}
	return list
}

func warning(name string, change func(*corev1.Event)) corev1.Event {
	e := corev1.Event{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "shop", CreationTimestamp: metav1.NewTime(noon.Add(-time.Hour)),
		ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "kubelet"}}}, Type: corev1.EventTypeWarning}
	if change != nil {
		change(&e)
	}
	return e
}

func TestWarningsAreThoseSeenSince(t *testing.T) {
	after := metav1.NewTime(noon.Add(time.Second))
	pages := map[string]corev1.EventList{
		"": {ListMeta: metav1.ListMeta{Continue: "more"}, Items: []corev1.Event{
			warning("old", nil),
			warning("created", func(e *corev1.Event) { e.CreationTimestamp = after }),
			warning("counted", func(e *corev1.Event) { e.LastTimestamp = after }),
		}},
		"more": {Items: []corev1.Event{
			warning("new-style", func(e *corev1.Event) { e.EventTime = metav1.NewMicroTime(after.Time) }),
			warning("series", func(e *corev1.Event) {
				e.Series = &corev1.EventSeries{LastObservedTime: metav1.NewMicroTime(after.Time)}
			}),
			warning("at-the-very-time", func(e *corev1.Event) { e.LastTimestamp = metav1.NewTime(noon) }),
		}},
	}
	c := serving(t, func(r *http.Request) any {
		require.Equal(t, "/api/v1/events", r.URL.Path)
		require.Equal(t, "type=Warning", r.URL.Query().Get("fieldSelector"))
		return pages[r.URL.Query().Get("continue")]
	})
	found, more, err := c.Warnings(t.Context(), since(noon))
	require.NoError(t, err)
	require.False(t, more)
	var names []string
	for _, e := range found {
		names = append(names, e.Name)
		require.Nil(t, e.ManagedFields)
		require.Equal(t, "Event", e.Kind, "as exporters post it")
	}
	require.Equal(t, []string{"created", "counted", "new-style", "series"}, names)
}

func TestWarningsAreReadUpToABound(t *testing.T) {
	asked := 0
	c := serving(t, func(r *http.Request) any {
		if r.URL.Path == "/api/v1/namespaces" {
			return namespaces("default", "shop")
		}
		asked++
		return corev1.EventList{ListMeta: metav1.ListMeta{Continue: "more"}, Items: []corev1.Event{warning("old", nil)}}
	})
	found, more, err := c.Warnings(t.Context(), since(noon))
	require.NoError(t, err)
	require.True(t, more)
	require.Empty(t, found)
	require.Equal(t, 20, asked, "shop is the last that was read, and there is none behind it")
	_, _, err = serving(t, func(*http.Request) any { return 403 }).Warnings(t.Context(), since(noon))
	require.ErrorContains(t, err, "list events")
}

// TestAFloodHidesNoNamespaceBehindIt has one namespace fill all that is read at a
// stretch. The API server hands out namespaces in the order of their keys, in
// which a slash follows the name.
func TestAFloodHidesNoNamespaceBehindIt(t *testing.T) {
	seen := func(namespace string) corev1.Event {
		return warning("e", func(e *corev1.Event) { e.Namespace, e.LastTimestamp = namespace, metav1.NewTime(noon.Add(time.Second)) })
	}
	pages := 0
	var asked []string
	c := serving(t, func(r *http.Request) any {
		rest, one := strings.CutPrefix(r.URL.Path, "/api/v1/namespaces/")
		switch {
		case r.URL.Path == "/api/v1/namespaces" && r.URL.Query().Get("continue") == "":
			list := namespaces("shop", "shop-a", "shopping")
			list.Continue = "more"
			return list
		case r.URL.Path == "/api/v1/namespaces":
			return namespaces("a", "till")
		case one:
			require.Equal(t, "type=Warning", r.URL.Query().Get("fieldSelector"))
			require.Equal(t, "500", r.URL.Query().Get("limit"))
			asked = append(asked, strings.TrimSuffix(rest, "/events"))
			return corev1.EventList{ListMeta: metav1.ListMeta{Continue: "more"}, Items: []corev1.Event{seen(asked[len(asked)-1])}}
		}
		page := corev1.EventList{ListMeta: metav1.ListMeta{Continue: "more"}, Items: []corev1.Event{seen("shop")}}
		if pages++; pages == 1 {
			page.Items = []corev1.Event{seen("a"), seen("shop-a"), seen("shop")}
		}
		return page
	})
	found, more, err := c.Warnings(t.Context(), since(noon))
	require.NoError(t, err)
	require.True(t, more)
	require.Equal(t, []string{"shopping", "till"}, asked, "shop-a comes before shop")
	got := map[string]int{}
	for _, e := range found {
		got[e.Namespace]++
	}
	require.Equal(t, map[string]int{"a": 1, "shop-a": 1, "shop": 20, "shopping": 1, "till": 1}, got)
}

func TestOfTooManyNamespacesBehindAFloodTheFirstAreRead(t *testing.T) {
	names := make([]string, 501)
	for i := range names {
		names[i] = fmt.Sprintf("team-%03d", i)
	}
	asked := 0
	c := serving(t, func(r *http.Request) any {
		switch {
		case r.URL.Path == "/api/v1/namespaces":
			return namespaces(names...)
		case strings.HasPrefix(r.URL.Path, "/api/v1/namespaces/"):
			asked++
			return corev1.EventList{}
		}
		return corev1.EventList{ListMeta: metav1.ListMeta{Continue: "more"}}
	})
	_, more, err := c.Warnings(t.Context(), since(noon))
	require.NoError(t, err)
	require.True(t, more)
	require.Equal(t, 500, asked)
}

func TestNamespacesThatCannotBeListedFailTheScanOfAFlood(t *testing.T) {
	page := corev1.EventList{ListMeta: metav1.ListMeta{Continue: "more"}, Items: []corev1.Event{warning("e", nil)}}
	_, _, err := serving(t, func(r *http.Request) any {
		if r.URL.Path == "/api/v1/namespaces" {
			return 403
		}
		return page
	}).Warnings(t.Context(), since(noon))
	require.ErrorContains(t, err, "list namespaces")
}

func TestTimesOfTheFutureSayNothingOfAnEvent(t *testing.T) {
	until := since(noon).Until
	soon, later := metav1.NewTime(until), metav1.NewTime(until.Add(time.Second))
	recent := metav1.NewTime(noon.Add(time.Second))
	c := serving(t, func(*http.Request) any {
		return corev1.EventList{Items: []corev1.Event{
			warning("old-and-forged", func(e *corev1.Event) {
				e.FirstTimestamp, e.LastTimestamp, e.EventTime = later, later, metav1.NewMicroTime(later.Time)
				e.Series = &corev1.EventSeries{LastObservedTime: metav1.NewMicroTime(later.Time)}
			}),
			warning("recent-and-forged", func(e *corev1.Event) { e.CreationTimestamp, e.LastTimestamp = recent, later }),
			warning("just-now", func(e *corev1.Event) { e.LastTimestamp = soon }),
		}}
	})
	found, _, err := c.Warnings(t.Context(), since(noon))
	require.NoError(t, err)
	var names []string
	for _, e := range found {
		names = append(names, e.Name)
	}
	require.Equal(t, []string{"recent-and-forged", "just-now"}, names)
}
