package scim

// Schema declares the attributes of a resource, exactly those that are kept.
type Schema struct {
	ID, Name, Description string
	Attributes            []Attribute
}

// Attribute is one attribute as the protocol describes it.
type Attribute struct {
	Name        string      `json:"name"`
	Type        string      `json:"type"`
	MultiValued bool        `json:"multiValued"`
	Description string      `json:"description"`
	Required    bool        `json:"required"`
	CaseExact   bool        `json:"caseExact"`
	Mutability  string      `json:"mutability"`
	Returned    string      `json:"returned"`
	Uniqueness  string      `json:"uniqueness"`
	Parts       []Attribute `json:"subAttributes,omitempty"`
}

// Schemas are those of users, their extension, and groups.
func Schemas() []Schema {
	userName := text("userName", "What the directory calls the user.")
	userName.Required, userName.Uniqueness = true, "server"
	displayName := text("displayName", "What the group is called.")
	displayName.Required, displayName.Uniqueness = true, "server"
	emails := object("emails", "Addresses, one of each type. That of work is the user's address in the console.",
		text("value", "The address."), text("type", "Such as work."), flag("primary", "Whether it is the first to use."))
	emails.MultiValued = true
	member := text("value", "The id of a user.")
	member.CaseExact, member.Mutability = true, "immutable"
	members := object("members", "The users in the group.", member)
	members.MultiValued = true
	return []Schema{
		{UserSchema, "User", "A user of the console.", []Attribute{
			userName, text("displayName", "The user's name in the console."),
			object("name", "The parts of the name.", texts("formatted", "familyName", "givenName", "middleName",
				"honorificPrefix", "honorificSuffix")...),
			emails, flag("active", "Whether the user may sign in and call."),
		}},
		{EnterpriseSchema, "EnterpriseUser", "What companies add.", texts("department", "costCenter", "employeeNumber")},
		{GroupSchema, "Group", "A group, which the console maps to a role.", []Attribute{displayName, members}},
	}
}

func text(name, description string) Attribute {
	return Attribute{
		Name: name, Type: "string", Description: description, Mutability: "readWrite", Returned: "default", Uniqueness: "none",
	}
}

func texts(names ...string) []Attribute {
	all := make([]Attribute, len(names))
	for i, name := range names {
		all[i] = text(name, name)
	}
	return all
}

func flag(name, description string) Attribute {
	a := text(name, description)
	a.Type = "boolean"
	return a
}

func object(name, description string, parts ...Attribute) Attribute {
	a := text(name, description)
	a.Type, a.Parts = "complex", parts
	return a
}
