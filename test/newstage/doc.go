// Package newstage proves that a stage is added by one command: a folder and
// a Trigger come, no file of another stage changes, the new stage's own tests
// pass as func would build it, and the local system serves it.
package newstage
