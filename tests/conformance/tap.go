// Package tap stands in for github.com/mndrix/tap-go, which Debian does not package and without which the validation
// programs do not build.  It has the functions that they call, and prints what `run` reads: `ok N - NAME`,
// `not ok N - NAME`, `ok N # SKIP REASON`, and whatever explains them behind `# `.
package tap

import (
	"encoding/json"
	"fmt"
	"sort"
	"strings"
)

// T counts the points of one program.
type T struct {
	count *int
	todo  bool
}

// New begins a program's points.
func New() *T { return &T{count: new(int)} }

// Header prints the plan when it is known in advance; 0 says that AutoPlan follows.
func (t *T) Header(count int) {
	fmt.Println("TAP version 13")
	if count > 0 {
		fmt.Printf("1..%d\n", count)
	}
}

// AutoPlan prints the plan, once all points are printed.
func (t *T) AutoPlan() { fmt.Printf("1..%d\n", *t.count) }

// Ok is one point.
func (t *T) Ok(passed bool, name string) {
	*t.count++
	result, sign := "ok", "-"
	if !passed {
		result = "not ok"
	}
	if t.todo {
		sign = "# TODO"
	}
	fmt.Printf("%s %d %s %s\n", result, *t.count, sign, strings.ReplaceAll(name, "\n", " "))
}

// Pass is a point that passed.
func (t *T) Pass(name string) { t.Ok(true, name) }

// Fail is a point that failed.
func (t *T) Fail(name string) { t.Ok(false, name) }

// Todo prints points of the same program that count as passed, whatever they say: what the suite's authors left open.
func (t *T) Todo() *T { return &T{count: t.count, todo: true} }

// Skip is that many points that were not tried.
func (t *T) Skip(count int, reason string) {
	for i := 0; i < count; i++ {
		*t.count++
		fmt.Printf("ok %d # SKIP %s\n", *t.count, strings.ReplaceAll(reason, "\n", " "))
	}
}

// Diagnostic explains the point before it.
func (t *T) Diagnostic(text string) {
	for _, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		fmt.Println("# " + line)
	}
}

// Diagnosticf is Diagnostic with a format.
func (t *T) Diagnosticf(format string, values ...interface{}) {
	t.Diagnostic(fmt.Sprintf(format, values...))
}

// YAML prints structured details: a map of texts line by line, anything else as JSON.
func (t *T) YAML(details interface{}) error {
	if texts, is := details.(map[string]string); is {
		names := make([]string, 0, len(texts))
		for name := range texts {
			names = append(names, name)
		}
		sort.Strings(names)
		for _, name := range names {
			t.Diagnostic(name + ": " + texts[name])
		}
		return nil
	}
	text, err := json.Marshal(details)
	if err == nil {
		t.Diagnostic(string(text))
	}
	return err
}
