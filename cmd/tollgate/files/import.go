package files

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v3"

	"tollgate/models/configdoc"
	"tollgate/models/configfile"
	"tollgate/models/importer"
	"tollgate/models/plural"
)

// importCommand turns the configuration of other gateways into documents.
func (p *program) importCommand() *cli.Command {
	litellm := p.importOf("litellm", "from a config.yaml of LiteLLM's proxy, or from its API", importer.LiteLLM)
	p.byURL(litellm)
	return &cli.Command{
		Name: "import", Category: Category, Usage: "turn the configuration of another gateway " +
			"into documents to read, plan and apply",
		Commands: []*cli.Command{litellm, p.bifrostCommand(), p.adoptCommand()},
	}
}

// reading makes documents of the content of a file.
type reading func(file string, content []byte) (importer.Result, error)

// importOf is the command for the files of one gateway.
func (p *program) importOf(name, usage string, read reading) *cli.Command {
	return &cli.Command{
		Name: name, Usage: usage, ArgsUsage: "FILE", Category: Category,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write documents into the folder `DIR`, which is made"},
			&cli.StringFlag{Name: "set", Value: name, Usage: "the `NAME` of the set that the documents are of"},
			&cli.BoolFlag{Name: "accept-loss", Usage: "end with 0 even when something is lost"},
			&cli.BoolFlag{Name: "json", Usage: "print what became of each field as JSON"},
		},
		Action: func(_ context.Context, c *cli.Command) error { return p.importFile(c, read) },
		ArgValidator: func(_ context.Context, c *cli.Command) error {
			if c.Args().Len() != 1 || c.String("output") == "" {
				return Error{exitUsage, fmt.Errorf("import %s needs one file, and the folder to write with -o", name)}
			}
			return nil
		},
	}
}

func (p *program) bifrostCommand() *cli.Command {
	command := p.importOf("bifrost", "from a config.json of Bifrost", nil)
	command.Flags = append(command.Flags, &cli.BoolFlag{
		Name: "adopt-keys", Usage: "write a user for each virtual key with a value, to be adopted with import adopt-keys",
	}, &cli.StringFlag{
		Name: "team-budget", Usage: "what each key of a team or customer gets of its budgets, `each` or divide: " +
			"all of them or equal parts; without it, they are lost",
	})
	command.Action = func(_ context.Context, c *cli.Command) error {
		share, err := teamBudget(c)
		if err != nil {
			return err
		}
		return p.importFile(c, func(file string, content []byte) (importer.Result, error) {
			return importer.Bifrost(file, content, importer.BifrostOptions{Holders: c.Bool("adopt-keys"), Share: share})
		})
	}
	return command
}

// teamBudget reads what becomes of the budgets of teams.
func teamBudget(c *cli.Command) (importer.TeamBudget, error) {
	share := importer.TeamBudget(c.String("team-budget"))
	switch share {
	case importer.LoseTeamBudget, importer.EachTeamBudget, importer.DivideTeamBudget:
		return share, nil
	}
	return "", Error{exitUsage, errors.New("--team-budget is each or divide")}
}

func (p *program) importFile(c *cli.Command, read reading) error {
	file := c.Args().First()
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	result, err := read(file, content)
	if err != nil {
		return err
	}
	return p.writeImported(c, result)
}

func (p *program) writeImported(c *cli.Command, result importer.Result) error {
	files := result.Files(c.String("set"))
	if err := ofSet(c.String("output"), c.String("set")); err != nil {
		return err
	}
	if err := writeFiles(c.String("output"), files); err != nil {
		return err
	}
	if err := p.sayImported(c, result, len(files)); err != nil {
		return err
	}
	if result.Lost() && !c.Bool("accept-loss") {
		return Error{exitLoss, fmt.Errorf("%s: read what is said of them, then import with "+
			"--accept-loss or write documents for them", plural.Of(result.Count(importer.Lost), "field is lost", "fields are lost"))}
	}
	return nil
}

// ofSet refuses a folder with documents of another set: a set is planned with all files of its folder.
func ofSet(folder, set string) error {
	found, err := configfile.Read([]string{folder}, nil)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, file := range found {
		for _, document := range file.Documents {
			if kind, name := nameOf(document); kind == configdoc.SetKind && name != set {
				return fmt.Errorf("%s has documents of the set %s: name a new folder", folder, name)
			}
		}
	}
	return nil
}

// writeFiles writes into a folder, which must not have files of these names.
func writeFiles(folder string, files map[string][]byte) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if _, err := os.Lstat(filepath.Join(folder, name)); err == nil {
			return fmt.Errorf("%s is there already: name a new folder", filepath.Join(folder, name))
		}
	}
	for name, content := range files {
		//nolint:gosec // files of a repository, without secrets
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (p *program) sayImported(c *cli.Command, result importer.Result, files int) error {
	counts := map[importer.Class]int{}
	classes := []importer.Class{importer.Carried, importer.Changed, importer.Lost, importer.Stays, importer.Secret}
	for _, class := range classes {
		counts[class] = result.Count(class)
	}
	if c.Bool("json") {
		encoder := json.NewEncoder(p.stdout)
		encoder.SetIndent("", "  ")
		return encoder.Encode(map[string]any{"fields": result.Notes, "counts": counts})
	}
	for _, note := range result.Notes {
		fmt.Fprintln(p.stdout, note)
	}
	_, err := fmt.Fprintf(p.stdout, "%d files in %s: "+
		"%d fields carried, %d changed, %d LOST, %d stay in the gateway, %d secret.\n", files,
		c.String("output"), counts[importer.Carried], counts[importer.Changed], counts[importer.Lost], counts[importer.Stays],
		counts[importer.Secret])
	return err
}
