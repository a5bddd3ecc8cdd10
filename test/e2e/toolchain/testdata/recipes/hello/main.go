// Command hello prints what the linker set.
package main

import "fmt"

var greeting = "unset"

func main() { fmt.Println(greeting) }
