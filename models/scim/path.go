package scim

import (
	"strings"

	"tollgate/models/problem"
)

// Path is what an operation of a patch changes.
type Path struct {
	Attr, Sub string  // in lower case
	Where     *Filter // of a list, the elements that it selects
}

const maxPathBytes = 500

// ParsePath reads a path: name.familyName, emails[type eq "work"].value, or the same after the URN of a schema.
// Refusal: InvalidPath.
func ParsePath(text string) (Path, error) {
	p := &parser{rest: text}
	name, ok := attribute(p.take())
	if !ok || len(text) > maxPathBytes {
		return Path{}, wrongPath(text)
	}
	path := Path{}
	path.Attr, path.Sub, _ = strings.Cut(name, ".")
	if p.peek() == "[" {
		if path.Sub != "" {
			return path, wrongPath(text)
		}
		where, err := p.bracketed("[", "]", maxFilterDepth)
		if err != nil {
			return path, wrongPath(text)
		}
		path.Where = &where
		if sub, found := strings.CutPrefix(p.peek(), "."); found {
			p.take()
			name, ok = attribute(path.Attr + "." + sub)
			_, path.Sub, _ = strings.Cut(name, ".")
		}
	}
	if !ok || p.peek() != "" {
		return path, wrongPath(text)
	}
	return path, nil
}

func wrongPath(text string) error {
	return refuse(InvalidPath, "path", "Give the path of an attribute, such as name.familyName: "+problem.Clip(text)+" is none.")
}
