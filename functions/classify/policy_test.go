package function

import (
	"os"
	"testing"

	"kubernaut.ai/shared/policy/policytest"
)

func TestPolicy(t *testing.T) { policytest.Run(t, os.DirFS("policy")) }
