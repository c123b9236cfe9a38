package importer

import (
	"fmt"
	"slices"
	"strings"

	"tollgate/models/configfile"
	"tollgate/models/input"
)

// Snapshot is what LiteLLM's API lists: the rows of each list.
type Snapshot struct {
	Models, Users, Teams, Keys, Servers []configfile.Node
}

// Places of the lists below the address of LiteLLM.
const (
	ModelList  = "/v1/model/info"
	UserList   = "/user/list"
	TeamList   = "/v2/team/list"
	KeyList    = "/key/list"
	ServerList = "/v1/mcp/server"
)

// LiteLLMOf makes documents of what the API of LiteLLM's proxy lists: the catalogue, a profile for all users who may do
// the same, and the users. Keys have no limits of their own here, and teams only when their budgets are shared out.
func LiteLLMOf(address string, from Snapshot, share TeamBudget) Result {
	l := newLiteLLM(reader{whole: true})
	l.apart, l.whose = true, "the user's profile"
	list := func(path string, rows []configfile.Node, read func(configfile.Node, string)) {
		l.file = address + path
		for i, row := range rows {
			read(row, input.Index("", i))
		}
	}
	list(ModelList, from.Models, l.model)
	l.notePrices()
	list(ServerList, from.Servers, l.listedServer)
	u := &users{
		litellm: l, profiles: map[string]int{}, names: map[string]bool{}, share: share, at: map[string]int{},
		taken: map[string]bool{},
	}
	list(UserList, from.Users, u.user)
	list(TeamList, from.Teams, u.team)
	list(KeyList, from.Keys, u.key)
	l.finish()
	l.Profiles = slices.Concat(u.named(), u.teams, l.Profiles)
	return l.Result
}

// listedServer reads an MCP server of the list.
func (l *litellm) listedServer(n configfile.Node, path string) {
	name := firstText(n, "alias", "server_name", "server_id")
	l.server(configfile.Member{Name: name, Node: n}, path)
}

// firstText is the first of the members that is a text.
func firstText(n configfile.Node, names ...string) string {
	for _, name := range names {
		if value, _ := n.Get(name); value.Kind == input.String && value.Text != "" {
			return value.Text
		}
	}
	return ""
}

// users makes a profile for all users who may do the same.
type users struct {
	*litellm
	made     []configfile.Node // profiles without their names
	profiles map[string]int    // by what they say
	names    map[string]bool   // of users, so that keys without one are told
	holds    []int             // the profile of each user document
	share    TeamBudget
	at       map[string]int    // the documents of users, by their ids
	teams    []configfile.Node // their profiles
	taken    map[string]bool   // the folded names of those
	member   [][]string        // the profiles of teams of each user document
}

func (u *users) user(n configfile.Node, path string) {
	id, email := firstText(n, "user_id"), firstText(n, "user_email")
	u.names[id] = true
	if email == "" {
		u.note(Lost, n, path, "a user without an address cannot be carried")
		return
	}
	u.budget, u.rate = configfile.Node{}, configfile.Node{}
	u.budgetOf(n, path, "max_budget", "budget_duration")
	u.limitOf(n, path)
	body := u.profile("", u.granted(n, path, "the user's profile"), u.budget, u.rate)
	said := string(body.AppendJSON(nil))
	at, known := u.profiles[said]
	if !known {
		at = len(u.made)
		u.profiles[said], u.made = at, append(u.made, body)
	}
	name := firstText(n, "user_alias")
	if name == "" {
		name, _, _ = strings.Cut(email, "@")
	}
	if role := firstText(n, "user_role"); strings.HasPrefix(role, "proxy_admin") {
		u.note(Changed, n, join(path, "user_role"), "the "+role+" "+email+" becomes a Member: "+
			"give the role Admin in the document if it is wanted")
	}
	u.note(Carried, n, path, "the user "+email)
	u.Users = append(u.Users, object("kind", text("user"), "email", text(email), "name", text(name)))
	u.at[id] = len(u.holds)
	u.holds, u.member = append(u.holds, at), append(u.member, nil)
	u.leftOver(n, path, Stays, inGateway, "user_id", "user_email", "user_alias", "user_role", "max_budget", "budget_duration",
		"tpm_limit", "rpm_limit", "models")
}

func (u *users) team(n configfile.Node, path string) {
	name := firstText(n, "team_alias", "team_id")
	if u.share != LoseTeamBudget && u.shared(n, path, name) {
		return
	}
	u.note(Lost, n, path, "the team "+name+": there are no teams here; give a profile to its members")
	u.leftOver(n, path, Lost, "the team "+name+" shares it; a limit here is of one user", "team_id", "team_alias")
}

// key reads a key. What it may do is its user's here.
func (u *users) key(n configfile.Node, path string) {
	name := firstText(n, "key_alias") // its other name shows a part of it
	if user := firstText(n, "user_id"); !u.names[user] {
		u.note(Lost, n, path, "the key "+name+" belongs to no user: make a user for the program that has it")
	} else {
		u.note(Changed, n, path, "the key "+name+" is not carried: its user gets a new one")
	}
	u.leftOver(n, path, Lost, "a key has nothing of its own here", "token", "token_id", "key_alias", "key_name", "user_id", "user_email",
		"created_at", "updated_at", "created_by", "updated_by", "last_active", "spend", "budget_reset_at", "object_permission_id",
		"organization_id", "soft_budget_cooldown")
	if token, there := n.Get("token"); there {
		u.note(Secret, token, join(path, "token"), "it is in no file here")
	}
}

// leftOver notes the members that say something and were not read.
func (u *users) leftOver(n configfile.Node, path string, class Class, message string, known ...string) {
	said := configfile.Node{Kind: input.Object}
	for _, m := range n.Members {
		empty := m.Node.Kind == input.Null || m.Node.Text+fmt.Sprint(len(m.Node.Items)+len(m.Node.Members)) == "0" ||
			m.Node.Kind == input.Bool && m.Node.Text == "false" || m.Node.Kind == input.Number && strings.Trim(m.Node.Text, "0.") == ""
		if !empty {
			said.Members = append(said.Members, m)
		}
	}
	u.rest(said, path, class, message, known...)
}

// named are the profiles with names, and the users with the names of theirs.
func (u *users) named() []configfile.Node {
	name := func(at int) configfile.Node {
		if len(u.made) == 1 {
			return text("LiteLLM users")
		}
		return text(fmt.Sprint("LiteLLM users ", at+1))
	}
	for i, at := range u.holds {
		profiles := list(append([]configfile.Node{name(at)}, texts(u.member[i]).Items...)...)
		u.Users[i].Members = append(u.Users[i].Members, configfile.Member{Name: "access_profiles", Node: profiles})
	}
	for i := range u.made {
		for m := range u.made[i].Members {
			if u.made[i].Members[m].Name == "name" {
				u.made[i].Members[m].Node = name(i)
			}
		}
	}
	return u.made
}
