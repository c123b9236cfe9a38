package files

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

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
		if !there || said(now) == said(form) {
			continue
		}
		_, name := nameOf(document)
		written, ok := content, false
		if file.Path != configfile.Stdin && filepath.Ext(file.Path) != ".json" {
			written, ok = rewrite(content, i, document, form, now)
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
