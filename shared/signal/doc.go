// Package signal holds what Kubernaut knows about alerts without asking
// anybody: how an alert is normalised, which object of a cluster its labels
// may mean, what belongs to the monitoring itself, and how the claim on a
// workload is named. It is pure: no clock, no network, nothing of ours.
//
// Labels name several objects at once, and some of them name the scraper
// instead of what is broken. So a signal gives candidates, the most telling
// first, and whoever can read the cluster takes the first that exists:
//
//	for _, c := range rules.Candidates(alert) {
//		if exists(c.Kind, c.Namespace, c.Name) {
//			...
//		}
//	}
package signal
