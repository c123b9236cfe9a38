package scim

import (
	"tollgate/models/input"
	"tollgate/models/problem"
)

// Operation is one change of a patch.
type Operation struct {
	Op    string // add, replace or remove
	Path  *Path  // nil when the value is an object of what changes
	Value Value
}

const maxOperations = 1000

// ReadPatch reads the operations of a patch. Refusals: Invalid, TooLarge.
func ReadPatch(root Value) ([]Operation, error) {
	list := root.Member("Operations")
	switch {
	case list.Kind != input.Array || len(list.Items) == 0:
		return nil, refuse(InvalidSyntax, "Operations", "Send a list of Operations.")
	case len(list.Items) > maxOperations:
		return nil, problem.Refuse(problem.TooLarge, "Operations", "too_many_operations", "Send at most 1,000 "+
			"operations at once.")
	}
	operations := make([]Operation, len(list.Items))
	for i, item := range list.Items {
		var err error
		if operations[i], err = readOperation(item); err != nil {
			return nil, err
		}
	}
	return operations, nil
}

func readOperation(item Value) (o Operation, err error) {
	o.Op, o.Value = fold(item.Member("op").Text), item.Member("value")
	path := item.Member("path")
	switch {
	case item.Kind != input.Object || !oneOf(o.Op, []string{"add", "replace", "remove"}):
		return o, refuse(InvalidSyntax, "op", "Make each operation an object whose op is add, replace or remove.")
	case path.Kind == input.String && path.Text != "":
		at, err := ParsePath(path.Text)
		o.Path = &at
		return o, err
	case path.Kind != input.Absent && path.Kind != input.Null && path.Kind != input.String:
		return o, refuse(InvalidPath, "path", "Give the path as text.")
	case o.Op == "remove":
		return o, refuse(NoTarget, "path", "Say by a path what is to be removed.")
	case o.Value.Kind != input.Object:
		return o, refuse(InvalidValue, "value", "Give an object of the attributes to change, or a path.")
	}
	return o, nil
}

// each passes an operation on, or each of those that its object stands for. A member that is no path here is passed
// over, like any unknown attribute.
func (o Operation) each(apply func(op string, at Path, v Value) error) error {
	if o.Path != nil {
		if o.Op != "remove" && o.Value.Kind == input.Absent {
			return refuse(InvalidValue, "value", "Give the value to set.")
		}
		return apply(o.Op, *o.Path, o.Value)
	}
	return eachMember(o.Value, func(at Path, v Value) error { return apply(o.Op, at, v) })
}

func eachMember(object Value, apply func(at Path, v Value) error) error {
	for _, m := range object.Members {
		at, err := ParsePath(m.Name)
		if err != nil {
			continue
		}
		if err := apply(at, m.Value); err != nil {
			return err
		}
	}
	return nil
}
