package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"kubernaut.ai/test/e2e/bed"
)

// mebibyte is the unit of memory in what status prints.
const mebibyte = 1 << 20

func status(out io.Writer, state string) error {
	b, err := bed.Open(state)
	if err != nil {
		return err
	}
	s, err := b.Status()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "up since %s; it took %.0f s\n\n", s.Ready.Format(time.DateTime), s.Ready.Sub(s.Began).Seconds())
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "PROCESS\tPID\tMEMORY\tPROCESSOR\tLOG")
	for _, process := range s.Processes {
		pid := fmt.Sprint(process.PID)
		if !process.Running {
			pid = "ended"
		}
		row(table, process.Name, pid, process.Usage, process.Log)
	}
	row(table, fmt.Sprintf("%d in pods", s.Pods.Processes), "", s.Pods, "kubectl logs")
	row(table, fmt.Sprintf("%d helpers of containerd", s.Helpers.Processes), "", s.Helpers, "")
	row(table, "all", "", s.Sum(), "")
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out)
	export(out, b)
	return nil
}

func row(table io.Writer, name, pid string, usage bed.Usage, log string) {
	fmt.Fprintf(table, "%s\t%s\t%d MiB\t%.1f s\t%s\n", name, pid, usage.Memory/mebibyte, usage.Processor.Seconds(), log)
}
