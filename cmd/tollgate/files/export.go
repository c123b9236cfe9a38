package files

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"

	"github.com/urfave/cli/v3"

	"tollgate/models/configdoc"
	"tollgate/models/configfile"
	"tollgate/models/input"
	"tollgate/models/mcptool"
	"tollgate/models/plural"
)

func (p *program) exportCommand() *cli.Command {
	return &cli.Command{
		Name: "export", Category: Category,
		Usage:       "write what a console has as files",
		Description: "For example: tollgate export -o config --set platform --users" + exitCodes,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write a file for each resource into the empty or new `FOLDER`"},
			&cli.StringFlag{Name: "set", Usage: "only the resources of the set `NAME`, with its header"},
			&cli.BoolFlag{Name: "users", Usage: "also users, without their secrets, but for those of directories"},
		},
		Action: func(ctx context.Context, command *cli.Command) error {
			c, err := p.client()
			if err != nil {
				return err
			}
			documents, err := c.export(ctx, "set", command.String("set"), command.Bool("users"))
			if err != nil {
				return p.refusedRun(&bundle{}, err)
			}
			if name := command.String("set"); name != "" {
				documents = append([]configfile.Node{header(name)}, documents...)
			}
			folder := command.String("output")
			if folder == "" {
				return yamlTo(p.stdout, documents...)
			}
			return p.exportTo(folder, documents)
		},
	}
}

// export reads the documents that a parameter chooses, or all when its value is "", with users when they are asked for.
func (c client) export(ctx context.Context, parameter, value string, users bool) ([]configfile.Node, error) {
	var exported struct {
		Documents []json.RawMessage `json:"documents"`
	}
	query := url.Values{}
	if value != "" {
		query.Set(parameter, value)
	}
	if users {
		query.Set("users", "true")
	}
	if err := c.call(ctx, "GET", "/api/config?"+query.Encode(), nil, &exported); err != nil {
		return nil, err
	}
	documents := make([]configfile.Node, len(exported.Documents))
	for i, encoded := range exported.Documents {
		documents[i] = configfile.Value(encoded)
	}
	return documents, nil
}

// header is the document that names a set.
func header(set string) configfile.Node {
	return configfile.Node{Kind: input.Object, Members: []configfile.Member{
		option("kind", input.String, configdoc.SetKind), option("name", input.String, set),
	}}
}

var folders = map[string]string{
	configdoc.Provider: "providers", configdoc.MCPClient: "mcp-clients", configdoc.ToolGroup: "tool-groups", configdoc.Role: "roles",
	configdoc.AccessProfile: "access-profiles", configdoc.User: "users",
	configdoc.SCIMConnection: "scim-connections", configdoc.IdentityProvider: "identity-providers",
}

func (p *program) exportTo(folder string, documents []configfile.Node) error {
	if found, err := os.ReadDir(folder); err == nil && len(found) > 0 {
		return Error{exitUsage, fmt.Errorf("%s is not empty: "+
			"name a new folder, or bring its files up to date with tollgate pull", folder)}
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // a folder of a repository
		return err
	}
	taken := map[string]bool{}
	for _, document := range documents {
		name := fileOf(document, taken)
		if err := writeNew(filepath.Join(folder, name), document); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(p.stdout, "%s to %s.\n", plural.Of(len(documents), "document was written", "documents were written"), folder)
	return err
}

func writeNew(path string, document configfile.Node) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // a folder of a repository
		return err
	}
	return os.WriteFile(path, configfile.YAML(document), 0o644) //nolint:gosec // a file of a repository
}

// fileOf is a file for a document that is not taken.
func fileOf(document configfile.Node, taken map[string]bool) string {
	kind, name := nameOf(document)
	base := mcptool.Slug(name)
	folder, listed := folders[kind]
	if !listed {
		base = kind
	}
	path := filepath.Join(folder, base+".yaml")
	for n := 2; taken[path]; n++ {
		path = filepath.Join(folder, base+"-"+strconv.Itoa(n)+".yaml")
	}
	taken[path] = true
	return path
}

// nameOf is the kind and the name of a document.
func nameOf(document configfile.Node) (kind, name string) {
	member, _ := document.Get("kind")
	field := "name"
	switch member.Text {
	case configdoc.MCPClient:
		field = "client_id"
	case configdoc.User:
		field = "email"
	case configdoc.IdentityProvider:
		field = "slug"
	}
	named, _ := document.Get(field)
	return member.Text, named.Text
}
