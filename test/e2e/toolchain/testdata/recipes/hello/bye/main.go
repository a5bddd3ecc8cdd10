// Command bye prints bye.
package main

import "fmt"

func main() { fmt.Println("bye") }
