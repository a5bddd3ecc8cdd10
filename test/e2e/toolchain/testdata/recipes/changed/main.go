// Command changed prints what a changed module says.
package main

import (
	"fmt"

	"golang.org/x/mod/semver"
)

func main() { fmt.Println(semver.Max("v1.0.0", "v2.0.0")) }
