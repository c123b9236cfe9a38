package configfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"

	"go.yaml.in/yaml/v4"

	"tollgate/models/input"
	"tollgate/models/money"
)

const (
	mostNodes = 200_000 // after aliases are followed
	deepest   = 40
)

// ParseForeign reads a file of another program, which may use all of YAML: aliases are followed and merge keys merged.
// JSON is YAML too.
func ParseForeign(content []byte) (Node, error) {
	loader, err := yaml.NewLoader(bytes.NewReader(content), yaml.WithV4Defaults(), yaml.WithUniqueKeys(false))
	if err != nil {
		return Node{}, fmt.Errorf("read the file: %w", err)
	}
	var document yaml.Node
	if err := loader.Load(&document); errors.Is(err, io.EOF) {
		return Node{Kind: input.Object}, nil
	} else if err != nil {
		return Node{}, fmt.Errorf("read the file: %w", err)
	}
	if document.Kind != yaml.DocumentNode || len(document.Content) != 1 {
		return Node{Kind: input.Object}, nil
	}
	p := &foreignReader{left: mostNodes}
	root, err := p.node(document.Content[0], 0)
	if err == nil && root.Kind == input.Null {
		root.Kind = input.Object
	}
	return root, err
}

type foreignReader struct{ left int }

var errTooBig = errors.New("the file is too deep, or its aliases make too much of it")

func (p *foreignReader) node(n *yaml.Node, depth int) (Node, error) {
	if p.left--; p.left < 0 || depth > deepest {
		return Node{}, errTooBig
	}
	of := Node{Place: Place{Line: n.Line, Column: n.Column}}
	switch n.Kind {
	case yaml.AliasNode:
		return p.node(n.Alias, depth+1)
	case yaml.SequenceNode:
		of.Kind = input.Array
		for _, child := range n.Content {
			item, err := p.node(child, depth+1)
			if err != nil {
				return of, err
			}
			of.Items = append(of.Items, item)
		}
	case yaml.MappingNode:
		of.Kind = input.Object
		return of, p.members(n, &of, depth)
	case yaml.ScalarNode:
		foreignScalar(n, &of)
	}
	return of, nil
}

func (p *foreignReader) members(n *yaml.Node, of *Node, depth int) error {
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i]
		value, err := p.node(n.Content[i+1], depth+1)
		if err != nil {
			return err
		}
		if name.Value == "<<" && name.Style == 0 {
			merge(of, value)
			continue
		}
		put(of, Member{
			Name: name.Value, Place: Place{Line: name.Line, Column: name.Column}, Node: value,
		}, true)
	}
	return nil
}

// merge adds what an object does not say itself.
func merge(of *Node, from Node) {
	for _, m := range from.Members {
		put(of, m, false)
	}
	for _, one := range from.Items {
		merge(of, one)
	}
}

// put adds a member; of two with a name the later one counts, as in most readers, and one that was merged in does not.
func put(of *Node, m Member, own bool) {
	for i := range of.Members {
		if of.Members[i].Name == m.Name {
			if own {
				of.Members[i] = m
			}
			return
		}
	}
	of.Members = append(of.Members, m)
}

func foreignScalar(n *yaml.Node, of *Node) {
	of.Kind, of.Text = input.String, n.Value
	switch n.ShortTag() {
	case "!!null":
		of.Kind, of.Text = input.Null, ""
	case "!!bool":
		of.Kind, of.Text = input.Bool, strings.ToLower(n.Value)
	case "!!int", "!!float":
		if literal, ok := decimal(n.Value); ok {
			of.Kind, of.Text = input.Number, literal
		}
	}
}

// decimal is a number as JSON writes it.
func decimal(s string) (string, bool) {
	s = strings.ReplaceAll(s, "_", "")
	if money.IsJSONNumber(s) {
		return s, true
	}
	n, ok := new(big.Rat).SetString(s)
	if !ok {
		return "", false
	}
	return Exact(n), true
}

// Exact is a number with as many decimals as it has, at most twenty.
func Exact(n *big.Rat) string {
	s := n.FloatString(20)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}
