// Package terminal prints what Kubernaut did, for people: one compact
// timeline a remediation, good with and without colour.
//
//	p := terminal.New(os.Stdout)
//	p.Title("Crash loop after a bad rollout")
//	p.Timeline(view)
package terminal

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/mattn/go-isatty"

	"kubernaut.ai/shared/event"
	"kubernaut.ai/shared/timeline"
)

// maxLine bounds a timeline's line, in runes.
const maxLine = 150

// Printer prints timelines.
type Printer struct {
	out    io.Writer
	colour bool
}

// New prints to the file, in colour where it is a terminal and NO_COLOR is
// not set.
func New(out *os.File) *Printer {
	return &Printer{out: out, colour: isatty.IsTerminal(out.Fd()) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

// Plain prints without colour to any writer.
func Plain(out io.Writer) *Printer { return &Printer{out: out} }

const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

func (p *Printer) paint(code, text string) string {
	if !p.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Printf prints text as it is.
func (p *Printer) Printf(format string, args ...any) {
	// A terminal that has gone takes the process with it: nothing to do here.
	_, _ = fmt.Fprintf(p.out, format, args...)
}

// Title prints the head of a story.
func (p *Printer) Title(text string) { p.Printf("\n%s\n", p.paint(bold, cut(text))) }

// Note prints a remark under a story.
func (p *Printer) Note(text string) { p.Printf("  %s\n", text) }

// Timeline prints what happened to one remediation.
func (p *Printer) Timeline(v timeline.View) {
	p.Printf("  %s on %s  %s\n", cut(v.Alert), cut(v.Target), p.paint(dim, v.ID))
	for _, l := range v.Timeline {
		p.Printf("    %s %8s  %s\n", p.paint(cyan, fmt.Sprintf("%-10s", l.Stage)), Took(l.Took), cut(l.Summary))
	}
	p.Printf("  %s\n", p.verdict(v))
	if v.Held != nil {
		p.Printf("  answer: %s   or   %s\n", v.Held.Approve, v.Held.Refuse)
	}
	if v.Undo != nil {
		undo := cut(v.Undo.Summary)
		if v.Undo.How != "" {
			undo += "  " + p.paint(dim, v.Undo.How)
		}
		p.Printf("  undo:   %s\n", undo)
	}
}

func (p *Printer) verdict(v timeline.View) string {
	var text string
	switch {
	case v.Held != nil:
		return p.paint(yellow, "HELD") + "  " + cut(v.Held.Reason)
	case !v.Ended:
		return p.paint(yellow, "UNDER WAY") + "  " + v.Phase
	case v.Outcome == event.OutcomeHealed:
		text = p.paint(green, "HEALED")
	default:
		text = p.paint(yellow, strings.ToUpper(strings.ReplaceAll(v.Outcome, "_", " ")))
	}
	if v.EndedAt != nil {
		text += " in " + Took(v.EndedAt.Sub(v.OpenedAt))
	}
	if v.Duplicates > 0 {
		text += fmt.Sprintf(", %d %s counted", v.Duplicates, plural(v.Duplicates, "duplicate"))
	}
	switch {
	case v.DryRun && v.Outcome == event.OutcomeDryRun:
		text += ": nothing was changed"
	case v.Outcome != event.OutcomeHealed && v.Reason != "":
		text += ": " + v.Reason
	}
	return text
}

func plural(n int64, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

// Wrong prints that a story ended otherwise than it should.
func (p *Printer) Wrong(text string) { p.Printf("  %s %s\n", p.paint(red, "WRONG:"), text) }

// Took is a duration as people read it.
func Took(d time.Duration) string {
	switch {
	case d <= 0:
		return "0 ms"
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}

// cut makes one line of a text that strangers may have had a hand in: without
// control characters, which could rewrite the screen, and of bounded length.
func cut(text string) string {
	runes := []rune(printable(strings.Join(strings.Fields(text), " ")))
	if len(runes) <= maxLine {
		return string(runes)
	}
	return string(runes[:maxLine-1]) + "…"
}

func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
}
