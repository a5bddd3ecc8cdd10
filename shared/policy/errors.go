package policy

import "errors"

// Why there is no decision. Whoever asks must take each of them for "no".
var (
	// ErrUnreadable says that the policy's files cannot be read; it may pass.
	ErrUnreadable = errors.New("policy cannot be read")
	// ErrInvalid says that the policy's files are read but make no policy.
	ErrInvalid = errors.New("policy is invalid")
	// ErrInput says that the input cannot be given to a policy.
	ErrInput = errors.New("policy input cannot be converted")
	// ErrUndefined says that no rule of the policy gave an answer.
	ErrUndefined = errors.New("policy gives no answer")
	// ErrEvaluation says that the policy failed on this input: a built-in's
	// error, or two rules that contradict each other.
	ErrEvaluation = errors.New("policy evaluation failed")
	// ErrTimeout says that the policy did not answer within its time.
	ErrTimeout = errors.New("policy took too long")
	// ErrShape says that the answer is not what the stage can use: a field is
	// unknown or of the wrong type.
	ErrShape = errors.New("policy answer has the wrong shape")
)
