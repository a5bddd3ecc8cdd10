// Command keys makes the Secrets that functions need and that nobody should
// commit: a sealing key a stage, the ConfigMap kubernaut-seals with the public
// halves, the addresses of Redis and PostgreSQL with their passwords, and the
// token with which senders post to the gateway. It prints manifests for kubectl:
//
//	keys --overlay dev | kubectl apply -f -
//
// Told what the cluster has, it keeps every key that is there and makes those
// that are missing, which is what a new stage needs. It asks kubectl, and makes
// nothing where that does not answer:
//
//	keys --kubectl kubectl | kubectl apply -f -
//
// or is given a file of it, and talks to no cluster:
//
//	kubectl get secret,configmap -n kubernaut-system -l app.kubernetes.io/part-of=kubernaut -o yaml |
//		keys --current - | kubectl apply -f -
//
// A key is rotated in three steps, because functions read keys when they
// start: --rotate lays the next key beside the present one and lets all stages
// accept it; --promote seals with it; --forget ends the acceptance of former
// keys. Between two steps every function needs a new revision.
//
// A sender's token needs two, and no new revision: --new-token accepts another
// beside the present one, --forget-tokens ends the acceptance of all but it.
package main
