// Command bench measures what the README claims and prints one table: both
// sides of every comparison in one run, the server's and the client's CPU
// beside each figure. Servers run in processes of their own, as functions do.
//
//	make bench
//	make bench ARGS="--only gateway --seconds 5"
package main
