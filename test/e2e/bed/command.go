package bed

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// commandPatience bounds one command on the machine; none takes a second.
const commandPatience = 30 * time.Second

// command runs one of the machine's programs and returns what it printed. Its
// error quotes what it said.
func command(ctx context.Context, name string, args ...string) (string, error) {
	return commandInput(ctx, "", name, args...)
}

func commandInput(ctx context.Context, input, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, commandPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = strings.NewReader(input)
	var out, failure bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &failure
	if err := cmd.Run(); err != nil {
		said := lastWords(append(failure.Bytes(), out.Bytes()...))
		return out.String(), fmt.Errorf("run %s %s: %w: %s", name, strings.Join(args, " "), err, said)
	}
	return out.String(), nil
}
