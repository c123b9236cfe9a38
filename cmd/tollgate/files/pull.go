package files

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"tollgate/models/configdoc"
	"tollgate/models/configfile"
	"tollgate/models/input"
	"tollgate/models/plural"
)

func (p *program) pullCommand() *cli.Command {
	return &cli.Command{
		Name: "pull", Category: Category,
		Usage: "write into files what was changed in the console",
		Description: "For example: tollgate pull -f config\nOnly the lines of fields that differ are replaced; " +
			"the rest of a file stays byte for byte." +
			exitCodes,
		Flags: []cli.Flag{filesFlag(), setFlag()},
		Action: func(ctx context.Context, command *cli.Command) error {
			b, c, err := p.prepare(command)
			if err != nil {
				return err
			}
			has, err := c.consoleFor(ctx, b)
			if err != nil {
				return p.refusedRun(b, err)
			}
			left := 0
			for _, file := range b.files {
				n, err := p.pullFile(file, has)
				if err != nil {
					return err
				}
				left += n
			}
			if left > 0 {
				return Error{exitFailure, fmt.Errorf("%s to be changed by hand", plural.Of(left, "document has", "documents have"))}
			}
			return nil
		},
	}
}

// hasUsers reports that a document describes a user.
func (b *bundle) hasUsers() bool {
	return slices.ContainsFunc(b.documents, func(document configfile.Node) bool {
		kind, _ := nameOf(document)
		return kind == configdoc.User
	})
}

// inConsole are the documents of a console by kind and name.
type inConsole struct{ owned, unowned map[string]configfile.Node }

// consoleFor reads what the console has of the set of the files, and of no set.
func (c client) consoleFor(ctx context.Context, b *bundle) (has inConsole, err error) {
	for _, part := range []struct {
		parameter, value string
		into             *map[string]configfile.Node
	}{{"set", b.set.Text, &has.owned}, {"unowned", "true", &has.unowned}} {
		documents, err := c.export(ctx, part.parameter, part.value, b.hasUsers())
		if err != nil {
			return has, err
		}
		*part.into = map[string]configfile.Node{}
		for _, document := range documents {
			kind, name := nameOf(document)
			(*part.into)[keyOf(kind, name)] = document
		}
	}
	return has, nil
}

// of is the form that a document is to have: that of the console or, while the resource belongs to no set, its own with
// what it leaves out of that one.
func (has inConsole) of(document, form configfile.Node) (now configfile.Node, there bool) {
	kind, name := nameOf(document)
	if now, there = has.owned[keyOf(kind, name)]; there {
		return now, true
	}
	former, _ := document.Get("renamed_from")
	for _, name := range []string{name, former.Text} {
		if now, there = has.unowned[keyOf(kind, name)]; there {
			return configdoc.Keep(form, now)
		}
	}
	return now, false
}

// keyOf is what names a document in any case.
func keyOf(kind, name string) string { return kind + " " + input.NameKey(name) }

// pullFile brings the documents of one file up to date; it returns how many it cannot rewrite.
func (p *program) pullFile(file configfile.File, has inConsole) (left int, err error) {
	content := file.Content
	for i := len(file.Documents) - 1; i >= 0; i-- { // from the end, so that the lines before stay where they are
		document := file.Documents[i]
		form := formOf(document)
		now, there := has.of(document, form)
		if !there || string(now.AppendJSON(nil)) == string(form.AppendJSON(nil)) {
			continue
		}
		_, name := nameOf(document)
		written, ok := content, false
		if file.Path != configfile.Stdin && filepath.Ext(file.Path) != ".json" {
			written, ok = rewrite(content, document, form, now)
		}
		if !ok {
			left++
			_, err = fmt.Fprintf(p.stderr, "%s: %s differs in the console; write it as\n%s", document.Place, name, configfile.YAML(now))
		} else {
			_, err = fmt.Fprintf(p.stdout, "%s: %s\n", document.Place, name)
		}
		if err != nil {
			return left, err
		}
		content = written
	}
	if slices.Equal(content, file.Content) {
		return left, nil
	}
	return left, os.WriteFile(file.Path, content, 0o644) //nolint:gosec // a file of a repository
}

var errShape = errors.New("its fields do not stand on lines of their own")

// rewrite replaces the lines of the fields that differ; ok is false for a document whose fields share lines.
func rewrite(content []byte, document, form, now configfile.Node) (written []byte, ok bool) {
	lines := strings.SplitAfter(string(content), "\n")
	spans, err := fieldLines(lines, document)
	if err != nil {
		return content, false
	}
	end := len(lines)
	for i := len(document.Members) - 1; i >= 0; i-- {
		m := document.Members[i]
		was, _ := form.Get(m.Name)
		is, there := now.Get(m.Name)
		span := spans[i]
		if i == len(document.Members)-1 {
			end = span[1]
		}
		switch {
		case m.Name == "kind" || m.Name == "renamed_from" || string(was.AppendJSON(nil)) == string(is.AppendJSON(nil)):
		case !there:
			lines = slices.Delete(lines, span[0], span[1])
			end -= span[1] - span[0]
		default:
			fresh := fieldText(m.Name, is)
			lines = slices.Replace(lines, span[0], span[1], fresh)
			end += 1 - (span[1] - span[0])
		}
	}
	for _, m := range now.Members {
		if _, there := document.Get(m.Name); !there {
			lines = slices.Insert(lines, end, fieldText(m.Name, m.Node))
			end++
		}
	}
	return []byte(strings.Join(lines, "")), true
}

// fieldText is a field as the writer writes it.
func fieldText(name string, value configfile.Node) string {
	return string(configfile.YAML(configfile.Node{
		Kind: input.Object, Members: []configfile.Member{{Name: name, Node: value}},
	}))
}

// fieldLines are the lines that each field of a document has: from its name up to the next field, without the blank
// lines and comments before that one.
func fieldLines(lines []string, document configfile.Node) (spans [][2]int, err error) {
	for i, m := range document.Members {
		from := m.Place.Line - 1
		to := len(lines)
		if i+1 < len(document.Members) {
			to = document.Members[i+1].Place.Line - 1
		} else {
			for n := from + 1; n < len(lines); n++ {
				if strings.HasPrefix(lines[n], "---") || strings.HasPrefix(lines[n], "...") {
					to = n
					break
				}
			}
		}
		if m.Place.Column != 1 || to <= from {
			return nil, errShape
		}
		for to > from+1 {
			line := strings.TrimSpace(lines[to-1])
			if line != "" && !strings.HasPrefix(line, "#") {
				break
			}
			to--
		}
		spans = append(spans, [2]int{from, to})
	}
	return spans, nil
}
