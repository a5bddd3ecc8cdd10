// Command deploy deploys the functions with Knative's func, which builds each
// in its folder, pushes its image and makes its Knative Service:
//
//	deploy --overlay dev --registry registry.example/kubernaut
//	deploy --function classify --func "kn func"
//	deploy --undeploy
//
// func writes what it deployed into func.yaml, so it is given a copy of each
// folder. An overlay may change the copy's func.yaml: functions.yaml in
// deploy/overlays/<overlay> holds a JSON merge patch a stage.
//
// func makes containers that run as no root, gain no privileges, hold no
// capabilities and have the runtime's seccomp profile. What it cannot say is
// set on the Service afterwards: that the root file system is read-only, and
// what deploy/services.yaml holds for the stage. It ends when the Broker, the
// Triggers and the PingSource that call the functions are ready.
package main
