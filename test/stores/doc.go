// Package stores runs the scripts of deploy/stores on real servers: what a
// StatefulSet does to them, restarts, lost leaders and lost disks, is done to
// processes on loopback addresses.
package stores
