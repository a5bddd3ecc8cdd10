package simulation

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// serveReview answers the questions "who is this token" and "may they". Requests on resources themselves are not authorised: every
// known user may do everything here; only what is asked by a review is judged.
func (h *handler) serveReview(w http.ResponseWriter, r *http.Request, p path, user User) bool {
	if _, ok := reviewGroups[p.gv]; !ok {
		return false
	}
	if r.Method != http.MethodPost || p.name != "" || p.namespace != "" {
		writeError(w, notFoundPath())
		return true
	}
	raw, err := readJSON(r)
	if err != nil {
		writeError(w, err)
		return true
	}
	answer, err := h.review(p.plural, raw, user)
	if err != nil {
		writeError(w, err)
		return true
	}
	writeObject(w, http.StatusCreated, answer)
	return true
}

func (h *handler) review(plural string, raw []byte, user User) (any, error) {
	switch plural {
	case "subjectaccessreviews":
		review := &authorizationv1.SubjectAccessReview{}
		if err := unmarshalReview(raw, review); err != nil {
			return nil, err
		}
		if review.Spec.User == "" && len(review.Spec.Groups) == 0 {
			return nil, apierrors.NewBadRequest("at least one of user or group must be specified")
		}
		review.Status = h.judge(User{Name: review.Spec.User, Groups: review.Spec.Groups})
		return review, nil
	case "selfsubjectaccessreviews":
		review := &authorizationv1.SelfSubjectAccessReview{}
		if err := unmarshalReview(raw, review); err != nil {
			return nil, err
		}
		review.Status = h.judge(user)
		return review, nil
	case "tokenreviews":
		review := &authenticationv1.TokenReview{}
		if err := unmarshalReview(raw, review); err != nil {
			return nil, err
		}
		bearer, known := h.user(review.Spec.Token)
		review.Spec.Token = ""
		review.Status = authenticationv1.TokenReviewStatus{Authenticated: known}
		if known {
			review.Status.User = userInfo(bearer)
		}
		return review, nil
	case "selfsubjectreviews":
		review := &authenticationv1.SelfSubjectReview{}
		if err := unmarshalReview(raw, review); err != nil {
			return nil, err
		}
		review.Status.UserInfo = userInfo(user)
		return review, nil
	}
	return nil, notFoundPath()
}

func unmarshalReview(raw []byte, into any) error {
	if err := json.Unmarshal(raw, into); err != nil {
		return apierrors.NewBadRequest("decode review: " + err.Error())
	}
	return nil
}

func userInfo(user User) authenticationv1.UserInfo {
	return authenticationv1.UserInfo{Username: user.Name, Groups: user.Groups}
}

// judge is the whole of the cluster's policy: administrators, approvers and the users named in the options may.
func (h *handler) judge(user User) authorizationv1.SubjectAccessReviewStatus {
	for _, group := range []string{mastersGroup, ApproversGroup} {
		if slices.Contains(user.Groups, group) {
			return authorizationv1.SubjectAccessReviewStatus{Allowed: true, Reason: fmt.Sprintf("member of group %q", group)}
		}
	}
	if user.Name != "" && slices.Contains(h.cluster.options.Approvers, user.Name) {
		return authorizationv1.SubjectAccessReviewStatus{Allowed: true, Reason: "listed as approver"}
	}
	return authorizationv1.SubjectAccessReviewStatus{Reason: "neither approver nor administrator"}
}
