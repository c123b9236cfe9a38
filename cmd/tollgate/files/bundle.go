package files

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v3"

	"tollgate/handlers/intake"
	"tollgate/models/config"
	"tollgate/models/configdoc"
	"tollgate/models/configfile"
	"tollgate/models/input"
	"tollgate/models/problem"
)

func filesFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "file", Aliases: []string{"f"}, Usage: "read the file or folder `PATH`; - is what is piped in"}
}

func setFlag() cli.Flag {
	return &cli.StringFlag{Name: "set", Usage: "the `NAME` of the set; else it is that of the document of the kind set"}
}

// bundle is what the files of a command hold.
type bundle struct {
	files            []configfile.File
	set              configfile.Node
	documents, tests []configfile.Node
	problems         []configfile.Problem
}

// read reads the files of a command.
func (p *program) readFiles(command *cli.Command) (*bundle, error) {
	paths := command.StringSlice("file")
	if len(paths) == 0 {
		return nil, Error{exitUsage, errors.New("name the files with -f")}
	}
	files, err := configfile.Read(paths, p.stdin)
	if err != nil {
		return nil, err
	}
	b := &bundle{files: files}
	for _, file := range files {
		b.problems = append(b.problems, file.Problems...)
		for _, document := range file.Documents {
			b.add(document)
		}
	}
	b.chooseSet(command.String("set"))
	return b, nil
}

func (b *bundle) add(document configfile.Node) {
	kind, _ := document.Get("kind")
	switch kind.Text {
	case configdoc.SetKind:
		b.addSet(document)
	case configdoc.TestsKind:
		b.tests = append(b.tests, document)
	default:
		b.documents = append(b.documents, document)
	}
}

func (b *bundle) addSet(document configfile.Node) {
	for _, member := range document.Members {
		if member.Name != "kind" && member.Name != "name" {
			b.refuse(member.Place, "unknown_field", "Leave out "+member.Name+"; it is not a field here.")
		}
	}
	name, _ := document.Get("name")
	switch {
	case name.Kind != input.String || name.Text == "":
		b.refuse(document.Find("name"), "required", "Enter the name of the set.")
	case b.set.Kind == input.String:
		b.refuse(document.Place, "two_sets", "Describe one set at a time: there is "+b.set.Text+" already, at "+b.set.Place.String()+".")
	default:
		b.set = name
	}
}

// chooseSet takes the set from the command line, which may name the one of the files or stand for a missing one.
func (b *bundle) chooseSet(name string) {
	switch {
	case name == "":
	case b.set.Kind == input.String && b.set.Text != name:
		b.refuse(b.set.Place, "two_sets", "Plan the set "+b.set.Text+" of the files, or name no other one with --set.")
	default:
		b.set = configfile.Node{Kind: input.String, Text: name}
	}
}

func (b *bundle) refuse(at configfile.Place, code, message string) {
	b.problems = append(b.problems, configfile.Problem{Place: at, Code: code, Message: message})
}

// option is a member of a request beside its documents.
func option(name string, kind input.Kind, text string) configfile.Member {
	return configfile.Member{Name: name, Node: configfile.Node{Kind: kind, Text: text}}
}

// request is the body that carries the bundle.
func (b *bundle) request(options ...configfile.Member) []byte {
	members := []configfile.Member{}
	if b.set.Kind != input.Absent {
		members = append(members, configfile.Member{Name: "set", Node: b.set})
	}
	members = append(members, configfile.Member{Name: "documents", Node: listOf(b.documents)})
	if len(b.tests) > 0 {
		members = append(members, configfile.Member{Name: "tests", Node: listOf(b.tests)})
	}
	root := configfile.Node{Kind: input.Object, Members: append(members, options...)}
	return root.AppendJSON(nil)
}

func listOf(items []configfile.Node) configfile.Node {
	return configfile.Node{Kind: input.Array, Items: items}
}

// place is where a path of a request stands in the files; its zero value for what no file says.
func (b *bundle) place(path string) (configfile.Place, bool) {
	for name, items := range map[string][]configfile.Node{"documents": b.documents, "tests": b.tests} {
		rest, ours := strings.CutPrefix(path, name+"[")
		index, rest, listed := strings.Cut(rest, "]")
		if i, err := strconv.Atoi(index); ours && listed && err == nil && i < len(items) {
			return items[i].Find(strings.TrimPrefix(rest, ".")), true
		}
	}
	return configfile.Place{}, false
}

// located are problems of a request with their places in the files. Their messages name fields by the paths of the
// request, which mean nothing to the author of the files.
func (b *bundle) located(problems problem.Problems) []configfile.Problem {
	located := make([]configfile.Problem, len(problems))
	for i, found := range problems {
		located[i] = configfile.Problem{Code: found.Code, Message: found.Message}
		if at, ours := b.place(found.Field); ours {
			located[i].Place = at
			located[i].Message = strings.ReplaceAll(found.Message, found.Field, lastName(found.Field))
		}
	}
	return located
}

// lastName is the last name of a path.
func lastName(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }

// checkFiles finds what is wrong with the files by themselves, by the rules of the console.
func (b *bundle) check() []configfile.Problem {
	problems := slices.Clone(b.problems)
	in, err := intake.Documents(b.request())
	if refusal, refused := problem.AsRefusal(err); refused {
		return append(problems, b.located(refusal.Problems)...)
	}
	return append(problems, b.located(config.Check(in))...)
}

// report prints problems by their places, each once, and says how many there are.
func (p *program) report(problems []configfile.Problem, code int) error {
	if len(problems) == 0 {
		return nil
	}
	slices.SortStableFunc(problems, func(a, b configfile.Problem) int {
		if a.File != b.File {
			return strings.Compare(a.File, b.File)
		}
		return (a.Line-b.Line)*1_000_000 + a.Column - b.Column
	})
	for _, found := range problems {
		line := found.String()
		if found.File == "" {
			line = found.Message + " (" + found.Code + ")"
		}
		if _, err := fmt.Fprintln(p.stderr, line); err != nil {
			return err
		}
	}
	return Error{code, fmt.Errorf("%d to fix; nothing was changed", len(problems))}
}

// empty refuses files without a document, which would be a set that has lost everything.
func (b *bundle) empty() error {
	if len(b.documents) > 0 {
		return nil
	}
	return Error{exitDeletes, errors.New("the files have no document")}
}

// yamlTo writes documents as YAML.
func yamlTo(w io.Writer, documents ...configfile.Node) error {
	_, err := w.Write(configfile.YAML(documents...))
	return err
}
