package files

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"tollgate/models/config"
	"tollgate/models/configdoc"
	"tollgate/models/configfile"
	"tollgate/models/plural"
)

func printJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

var signs = map[string]string{config.Create: "+", config.Update: "~", config.Delete: "-", config.Adopt: "=", config.Release: "^"}

// printPlan prints what a plan changes, line by line.
func printPlan(w io.Writer, planned config.Result) error {
	var b strings.Builder
	for _, change := range planned.Changes {
		b.WriteString(signs[change.Action] + " " + change.Kind + " " + change.Name + remarks(change) + "\n")
		printFields(&b, change.Fields)
		if change.Effects != nil && change.Effects.Holders > 0 {
			b.WriteString("    " + effects(*change.Effects) + "\n")
		}
	}
	for _, u := range planned.Unmanaged {
		says := "--prune would delete it, --release would let go of it"
		if u.Protected {
			says = "it is protected from --prune"
		}
		b.WriteString("! " + u.Kind + " " + u.Name + " is owned by this set and in no file: " + says + "\n")
	}
	fmt.Fprintf(&b, "Plan for set %s: %s.\n", planned.Set, counts(planned))
	_, err := io.WriteString(w, b.String())
	return err
}

func remarks(change config.Change) string {
	var said []string
	if change.RenamedFrom != "" {
		said = append(said, "was "+change.RenamedFrom)
	}
	if change.Adopted {
		said = append(said, "belonged to no set")
	}
	if change.Action == config.Release {
		said = append(said, "stays, and belongs to no set")
	}
	if change.Drift != "" {
		said = append(said, change.Drift+" in the console since the last apply")
	}
	if len(said) == 0 {
		return ""
	}
	return "   (" + strings.Join(said, "; ") + ")"
}

func printFields(b *strings.Builder, fields []configdoc.FieldChange) {
	for _, f := range fields {
		before, after := configfile.Row(configfile.Value(f.Before)), configfile.Row(configfile.Value(f.After))
		switch {
		case before == "null":
			b.WriteString("    + " + f.Field + ": " + after + "\n")
		case after == "null":
			b.WriteString("    - " + f.Field + ": " + before + "\n")
		default:
			b.WriteString("    ~ " + f.Field + ": " + before + " -> " + after + "\n")
		}
	}
}

// effects says whom a change of a profile hits.
func effects(e config.Effects) string {
	said := "held by " + plural.Of(e.Holders, "user")
	if e.Differing != nil {
		said += "; after a push " + plural.Of(int64(*e.Differing), "copy", "copies") + " would differ"
	}
	if e.Refusing != nil && *e.Refusing > 0 {
		said += "; " + plural.Of(int64(*e.Refusing), "limit") + " would refuse at once"
	}
	return said
}

func counts(r config.Result) string {
	n := map[string]int{}
	for _, change := range r.Changes {
		n[change.Action]++
	}
	released := ""
	if n[config.Release] > 0 {
		released = fmt.Sprintf("%d to release, ", n[config.Release])
	}
	return fmt.Sprintf("%d to create, %d to change, %d to delete, %d to adopt, %s%d unchanged",
		n[config.Create], n[config.Update], n[config.Delete], n[config.Adopt], released, r.Unchanged)
}

// ignoreEnd is an error other than the end of what is typed.
func ignoreEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
