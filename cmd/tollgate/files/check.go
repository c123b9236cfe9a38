package files

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v3"

	"tollgate/handlers/intake"
	"tollgate/models/configdoc"
	"tollgate/models/configfile"
	"tollgate/models/plural"
)

func (p *program) validateCommand() *cli.Command {
	return &cli.Command{
		Name: "validate", Category: Category,
		Usage:       "check files by themselves, without a console",
		Description: "For example: tollgate validate -f config\nExit codes: 0 valid, 1 problems, 6 no document, 64 usage.",
		Flags:       []cli.Flag{filesFlag(), setFlag()},
		Action: func(_ context.Context, command *cli.Command) error {
			b, err := p.readFiles(command)
			if err != nil {
				return err
			}
			if err := p.report(b.check(), exitFailure); err != nil {
				return err
			}
			if err := b.empty(); err != nil && len(b.tests) == 0 {
				return err
			}
			_, err = fmt.Fprintf(p.stdout, "%s.\n", plural.Of(len(b.documents)+len(b.tests), "document is valid", "documents are valid"))
			return err
		},
	}
}

func (p *program) fmtCommand() *cli.Command {
	return &cli.Command{
		Name: "fmt", Category: Category,
		Usage: "write files in their one form",
		Description: "For example: tollgate fmt -f config\nFiles with comments below their first lines, " +
			"and JSON, are left as they are.\n" +
			"Exit codes: 0 done, 1 problems, or with --check files in another form, 64 usage.",
		Flags: []cli.Flag{filesFlag(), &cli.BoolFlag{Name: "check", Usage: "write nothing, and list " +
			"the files that would change"}},
		Action: func(_ context.Context, command *cli.Command) error {
			b, err := p.readFiles(command)
			if err != nil {
				return err
			}
			if err := p.report(b.check(), exitFailure); err != nil {
				return err
			}
			changed := 0
			for _, file := range b.files {
				written, err := p.format(file, command.Bool("check"))
				if err != nil {
					return err
				}
				if written {
					changed++
				}
			}
			if command.Bool("check") && changed > 0 {
				return Error{exitFailure, fmt.Errorf("%d of %d files have another form", changed, len(b.files))}
			}
			return nil
		},
	}
}

// format writes one file in its form; it reports whether that was another one.
func (p *program) format(file configfile.File, check bool) (changed bool, err error) {
	head, rest := leadingComments(file.Content)
	body := configfile.Parse(file.Path, rest)
	if filepath.Ext(file.Path) == ".json" {
		return false, nil
	}
	if body.Comments {
		_, err := fmt.Fprintln(p.stderr, file.Path+": left as it is, to keep its comments")
		return false, err
	}
	documents := make([]configfile.Node, len(body.Documents))
	for i, document := range body.Documents {
		documents[i] = formOf(document)
	}
	formatted := slices.Concat(head, configfile.YAML(documents...))
	switch {
	case file.Path == configfile.Stdin:
		_, err := p.stdout.Write(formatted)
		return false, err
	case bytes.Equal(formatted, file.Content):
		return false, nil
	}
	if _, err := fmt.Fprintln(p.stdout, file.Path); err != nil || check {
		return true, err
	}
	return true, os.WriteFile(file.Path, formatted, 0o644) //nolint:gosec // files of a repository
}

// formOf is a document in its canonical form; sets and tests have their own order.
func formOf(document configfile.Node) configfile.Node {
	b := bundle{documents: []configfile.Node{document}}
	in, err := intake.Documents(b.request())
	if err != nil || len(in.Documents) == 0 {
		return document
	}
	if form := configdoc.Form(in.Documents[0]); form != nil {
		return *form
	}
	return document
}

// leadingComments are the lines of a file before its first document.
func leadingComments(content []byte) (head, rest []byte) {
	rest = content
	for len(rest) > 0 && (rest[0] == '#' || rest[0] == '\n') {
		end := bytes.IndexByte(rest, '\n') + 1
		if end == 0 {
			end = len(rest)
		}
		rest = rest[end:]
	}
	return content[:len(content)-len(rest)], rest
}
