package provisioning

import (
	"strconv"

	"tollgate/models/connection"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/plural"
	"tollgate/models/problem"
	"tollgate/models/provision"
	"tollgate/views/ui"
)

// RulesForm is which roles the groups of a connection give, as it was filled in.
type RulesForm struct {
	Connection connection.Connection
	Input      provision.RulesInput
	Version    input.Value // that was shown
	Groups     []provision.GroupChoice
	Roles      []identity.Role
	Actor      permission.Actor
	MayUpdate  bool
	Problems   problem.Problems
}

// field is one input of a row, whose problem has the place of the row in its path.
func (f RulesForm) field(i int, name, label string) ui.Field {
	path := input.Index("rules", i) + "." + name
	field := ui.Field{
		Name: "rules[" + f.Input.Rules.Items[i].Key + "]." + name, ID: ui.FieldID(path), Width: "medium", HideLabel: true,
		Label: label + " of rule " + strconv.Itoa(i+1), Disabled: !f.MayUpdate,
	}
	if messages := f.Problems.At(path); len(messages) > 0 {
		field.Error = messages[0]
	}
	return field
}

func (f RulesForm) groups(chosen input.Value) []ui.Option {
	options := []ui.Option{{Label: "Choose a group", Chosen: chosen.Text == ""}}
	for _, g := range f.Groups {
		options = append(options, ui.Option{Value: g.ID, Label: g.Name, Chosen: g.ID == chosen.Text})
	}
	return options
}

func (f RulesForm) roles(chosen input.Value) []ui.Option {
	options := []ui.Option{{Label: "Choose a role", Chosen: chosen.Text == ""}}
	for _, role := range f.Roles {
		id := strconv.FormatInt(role.ID, 10)
		o := ui.Option{Value: id, Label: role.Name, Chosen: id == chosen.Text}
		if !o.Chosen && !identity.Covers(f.Actor, role.Permissions) {
			o.Disabled, o.Label = true, role.Name+" (permits more than you may do)"
		}
		options = append(options, o)
	}
	return options
}

// called names a row for its buttons.
func (f RulesForm) called(i int) string {
	for _, g := range f.Groups {
		if g.ID == f.Input.Rules.Items[i].GroupID.Text {
			return g.Name
		}
	}
	return "rule " + strconv.Itoa(i+1)
}

// effects say what rules would do.
func effects(m provision.Moves) []string {
	if m.Users == 0 {
		return []string{"No user gets another role by this now."}
	}
	all := []string{plural.Of(m.Users, "user") + plural.Choose(m.Users == 1, " gets", " get") + " another role at once:"}
	all = append(all, ui.MovesToRoles(m.Roles, m.Administrative)...)
	return append(all, "Profiles that come with a role change with it: "+
		"what was used of those they lose is no longer counted.")
}
