package scim

import (
	"maps"

	"tollgate/models/input"
	"tollgate/models/problem"
)

// Group is what is kept of a group of a directory. Members are ids of users.
type Group struct {
	DisplayName string
	ExternalID  string
	Members     map[string]bool
}

const maxMembers = 50_000

// ReadGroup reads a whole group. Members stay when they are left out: directories that rename a group send it without
// them. Refusal: Invalid.
func ReadGroup(root Value, members map[string]bool) (Group, error) {
	g := Group{Members: maps.Clone(members)}
	if g.Members == nil {
		g.Members = map[string]bool{}
	}
	err := eachMember(root, func(at Path, v Value) error { return g.set("replace", at, v) })
	if err == nil {
		err = g.check()
	}
	return g, err
}

// Patched is the group after all operations. Refusal: Invalid.
func (g Group) Patched(operations []Operation) (Group, error) {
	g.Members = maps.Clone(g.Members)
	for _, o := range operations {
		if err := o.each(g.set); err != nil {
			return g, err
		}
	}
	return g, g.check()
}

func (g Group) check() error {
	if g.DisplayName == "" {
		return refuse(InvalidValue, "displayName", "Send a displayName.")
	}
	if len(g.Members) > maxMembers {
		return problem.Refuse(problem.TooLarge, "members", "too_many_members", "Send groups of at most 50,000 members.")
	}
	return nil
}

func (g *Group) set(op string, at Path, v Value) error {
	switch at.Attr {
	case "displayname":
		return setText(op, "displayName", v, &g.DisplayName, true)
	case "externalid":
		return setText(op, "externalId", v, &g.ExternalID, false)
	case "members":
		return g.setMembers(op, at, v)
	}
	return nil
}

// setMembers changes the members. A removal that names some removes those alone, as Entra means it; by the RFC it would
// empty the group. A list that is null is refused rather than taken for an empty one.
func (g *Group) setMembers(op string, at Path, v Value) error {
	if at.Where != nil {
		member, named := at.Where.equals()["value"]
		if op != "remove" || at.Sub != "" || !named || at.Where.Op != "eq" {
			return refuse(InvalidPath, "path", `Remove a member by members[value eq "ID"], and add members by a list.`)
		}
		delete(g.Members, fold(member.Text))
		return nil
	}
	if at.Sub != "" {
		return wrongPath("members." + at.Sub)
	}
	if op == "remove" && v.Kind == input.Absent {
		g.Members = map[string]bool{}
		return nil
	}
	named, err := readMembers(v)
	if err != nil {
		return err
	}
	if op == "replace" {
		g.Members = map[string]bool{}
	}
	for _, id := range named {
		if op == "remove" {
			delete(g.Members, id)
		} else {
			g.Members[id] = true
		}
	}
	return nil
}

func readMembers(v Value) ([]string, error) {
	items := v.Items
	if v.Kind == input.Object {
		items = []Value{v}
	} else if v.Kind != input.Array {
		return nil, refuse(InvalidValue, "members", "Give members as a list; [] is an empty one.")
	}
	ids := make([]string, len(items))
	for i, item := range items {
		id := item.Member("value")
		if id.Kind != input.String {
			return nil, refuse(InvalidValue, "members", "Give each member as an object with the user's id as value.")
		}
		ids[i] = fold(id.Text)
	}
	return ids, nil
}
