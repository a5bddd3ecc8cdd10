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
// capabilities and have the runtime's seccomp profile. What it cannot say,
// that the root file system is read-only, is set on the Service afterwards;
// func leaves it there when it deploys again.
package main
