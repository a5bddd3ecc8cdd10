package caller

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kubernaut.ai/shared/cluster"
)

// jwt has the shape of a token that the API server gives out.
const jwt = "eyJh.eyJz." + planted

var alertmanager = cluster.Person{Name: "system:serviceaccount:monitoring:alertmanager"}

func TestWhoMayPostByAServiceAccountsToken(t *testing.T) {
	for name, test := range map[string]struct {
		token    string
		who, may error
		want     outcome
		asked    int
	}{
		"an account that may post":           {jwt, nil, nil, outcome{name: "serviceaccount:" + alertmanager.Name}, 1},
		"an account that may not":            {jwt, nil, fmt.Errorf("%w: no rule", cluster.ErrNotAllowed), outcome{status: 403, reason: ReasonNotAllowed}, 1},
		"a token that the cluster knows not": {jwt, cluster.ErrUnknownToken, nil, outcome{status: 401, reason: ReasonWrongCredential}, 1},
		"a token for another audience":       {jwt, fmt.Errorf("%w: it is for another audience", cluster.ErrUnknownToken), nil, outcome{status: 401, reason: ReasonWrongCredential}, 1},
		"an API server that is down":         {jwt, errDown, nil, outcome{status: 503, reason: ReasonUnanswered}, 1},
		"one that dies between the two":      {jwt, nil, errDown, outcome{status: 503, reason: ReasonUnanswered}, 1},
		"what cannot be such a token":        {planted, nil, nil, outcome{status: 401, reason: ReasonWrongCredential}, 0},
		"the static token":                   {"static", errDown, nil, outcome{name: "token"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := &reviewers{person: alertmanager, who: test.who, may: test.may}
			g := newGuard(t, Options{Kinds: []string{KindToken, KindServiceAccount}, Reviewer: r, Namespace: "kubernaut-system",
				Dir: credentials(t, map[string]string{FileTokens: "static"})})
			require.Equal(t, test.want, head(t, g, post(t, bearer_(test.token)...)))
			require.Equal(t, test.asked, r.asked)
			if test.want.status == 403 {
				require.Equal(t, cluster.Access{Verb: "create", Resource: "signals", Namespace: "kubernaut-system"}, r.access)
			}
		})
	}
}

func TestAYesIsRememberedForAWhileAndNothingElseIs(t *testing.T) {
	c := newClock()
	r := &reviewers{person: alertmanager}
	g := newGuard(t, Options{Kinds: []string{KindServiceAccount}, Reviewer: r, Now: c.now})
	ask := func(token string) int { return head(t, g, post(t, bearer_(token)...)).status }
	for range 3 {
		require.Zero(t, ask(jwt))
	}
	require.Equal(t, 1, r.asked)
	require.Zero(t, ask(jwt+"x"))
	require.Equal(t, 2, r.asked, "another token is another question")

	r.who = errDown
	require.Zero(t, ask(jwt), "a yes outlives the API server")
	c.advance(rememberFor)
	require.Equal(t, 503, ask(jwt))
	r.who = cluster.ErrUnknownToken
	require.Equal(t, 401, ask(jwt))
	r.who = nil
	require.Zero(t, ask(jwt), "a no is not remembered")
}

func TestWhatIsRememberedIsBounded(t *testing.T) {
	r := &reviewers{person: alertmanager}
	a := newAccounts(Options{Reviewer: r, Now: newClock().now})
	for i := range 3 * rememberMost {
		_, err := a.accept(t.Context(), fmt.Sprintf("a.b.%d", i))
		require.NoError(t, err)
		require.LessOrEqual(t, len(a.known), rememberMost)
	}
	for key := range a.known {
		require.NotContains(t, string(key[:]), planted, "only hashes are kept")
	}
}

func TestStrangersTokensAreNotTheAPIServersLoad(t *testing.T) {
	a := newAccounts(Options{Reviewer: &reviewers{person: alertmanager}, Now: newClock().now})
	for range maxReviews {
		a.asking <- struct{}{}
	}
	_, err := a.accept(t.Context(), jwt)
	require.Equal(t, outcome{status: 503, reason: ReasonUnanswered}, decided(t, Caller{}, err))
	require.False(t, strings.Contains(err.Error(), planted))
}

func TestInventedTokensLeaveRoomToThoseThatWereAcceptedBefore(t *testing.T) {
	c := newClock()
	r := &reviewers{person: alertmanager}
	a := newAccounts(Options{Reviewer: r, Now: c.now})
	says := func(token string) outcome {
		name, err := a.accept(t.Context(), token)
		if errors.Is(err, errAbsent) {
			return outcome{status: 401}
		}
		return decided(t, Caller{Name: name}, err)
	}
	accepted := outcome{name: "serviceaccount:" + alertmanager.Name}
	busy := outcome{status: 503, reason: ReasonUnanswered}
	require.Equal(t, accepted, says(jwt))
	c.advance(rememberFor)
	for range maxStrange {
		a.strange <- struct{}{}
		a.asking <- struct{}{}
	}
	require.Equal(t, busy, says("in.ven.ted"))
	require.Equal(t, 1, r.asked, "an invented token is not asked about")
	require.Equal(t, accepted, says(jwt), "one that was accepted before finds a place")
	c.advance(rememberFor)
	r.who = errDown
	require.Equal(t, busy, says(jwt))
	r.who = cluster.ErrUnknownToken
	require.Equal(t, outcome{status: 401}, says(jwt), "an API server that was down has made nobody a stranger")
	require.Equal(t, busy, says(jwt), "a no has")
	<-a.strange
	require.Equal(t, outcome{status: 401}, says("in.ven.ted"))
	require.Len(t, a.strange, maxStrange-1, "places are given back")
}
