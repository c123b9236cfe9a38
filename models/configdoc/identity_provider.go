package configdoc

import (
	"tollgate/models/identityprovider"
	"tollgate/models/input"
)

// SignInDocument is an identity provider with the rules that give roles to groups. Its client secret is in no document.
type SignInDocument struct {
	Header
	identityprovider.Described
	Rules input.List[RuleDocument] `json:"rules"`
}

// RuleDocument gives a role to those who have a value among their groups.
type RuleDocument struct {
	input.Row
	Value          input.Value `json:"value"`
	Role           input.Value `json:"role"`
	Administrative input.Value `json:"administrative"`
}

// SignInAnswer is an identity provider as documents write it.
type SignInAnswer struct {
	identityprovider.Provider
	DefaultRole string       `json:"default_role"`
	Connection  string       `json:"connection"`
	Rules       []RuleAnswer `json:"rules"`
}

// RuleAnswer is a rule by the name of its role.
type RuleAnswer struct {
	Value          string `json:"value"`
	Role           string `json:"role"`
	Administrative bool   `json:"administrative"`
}

// AnswerOf names the roles and the connection of a provider, which has them by id.
func AnswerOf(p identityprovider.Provider, roles, connections map[int64]string) SignInAnswer {
	answer := SignInAnswer{Provider: p, Rules: []RuleAnswer{}}
	if p.DefaultRoleID != nil {
		answer.DefaultRole = roles[*p.DefaultRoleID]
	}
	if p.ConnectionID != nil {
		answer.Connection = connections[*p.ConnectionID]
	}
	for _, rule := range p.Rules {
		answer.Rules = append(answer.Rules, RuleAnswer{
			Value: rule.Value, Role: roles[rule.RoleID], Administrative: rule.Administrative,
		})
	}
	return answer
}

func (d *SignInDocument) read(c *input.Reader) Wanted {
	p, problems := d.Described.Read()
	c.Problems = append(c.Problems, problems...)
	answer := SignInAnswer{Provider: p, Rules: []RuleAnswer{}}
	refs := []Reference{}
	name := func(field, kind, what string, v input.Value) string {
		text, ok := c.Text(field, v, input.TextRule{What: what, Max: 255})
		if ok {
			refs = append(refs, Reference{field, kind, text})
		}
		return text
	}
	if d.DefaultRole.Given() {
		answer.DefaultRole = name("default_role", Role, "a role's name", d.DefaultRole)
	}
	if d.Connection.Given() {
		answer.Connection = name("connection", SCIMConnection, "the name of a SCIM connection", d.Connection)
	}
	if input.CheckList(c, "rules", d.Rules, 500, "rules") {
		for i, in := range d.Rules.Items {
			path := input.Index("rules", i)
			if !c.Object(path, in.Kind, "a rule") {
				continue
			}
			c.Required(path+".role", in.Role, "a role's name")
			rule := RuleAnswer{Role: name(path+".role", Role, "a role's name", in.Role)}
			c.Required(path+".value", in.Value, "a value of the groups claim")
			rule.Value, _ = c.Text(path+".value", in.Value, input.TextRule{What: "a value", Max: 255, Exact: true})
			rule.Administrative, _ = c.Bool(path+".administrative", in.Administrative)
			answer.Rules = append(answer.Rules, rule)
		}
	}
	return Wanted{ID: ID{Key: p.Slug}, Name: p.Slug, Resource: answer, Refs: refs}
}

// resolve writes names as their resources have them.
func (a *SignInAnswer) resolve(known map[ID]string) {
	if written, there := known[IDOf(Role, a.DefaultRole)]; there {
		a.DefaultRole = written
	}
	if written, there := known[IDOf(SCIMConnection, a.Connection)]; there {
		a.Connection = written
	}
	for i, rule := range a.Rules {
		if written, there := known[IDOf(Role, rule.Role)]; there {
			a.Rules[i].Role = written
		}
	}
}
