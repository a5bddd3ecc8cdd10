package main

import (
	"bytes"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhichScenariosFailedIsReadFromWhatTheySay(t *testing.T) {
	said := "=== RUN   TestOne\n--- PASS: TestOne (1.00s)\n--- FAIL: TestTwo (180.26s)\n    --- FAIL: TestTwo/a_part (1s)\n" +
		"    x_test.go:1: --- FAIL: TestThree (0.1s)\n--- FAIL: TestFour (0.00s)\nFAIL\n--- FAIL: Test"
	for size := 1; size <= len(said); size++ {
		var out bytes.Buffer
		f := &failed{to: &out}
		for rest := []byte(said); len(rest) > 0; rest = rest[min(size, len(rest)):] {
			n, err := f.Write(rest[:min(size, len(rest))])
			require.NoError(t, err)
			require.Equal(t, min(size, len(rest)), n)
		}
		require.Equal(t, said, out.String())
		require.Equal(t, []string{"TestTwo", "TestFour"}, f.names)
		pattern := regexp.MustCompile(f.pattern())
		require.True(t, pattern.MatchString("TestFour"))
		require.False(t, pattern.MatchString("TestFourteen"))
	}
}
