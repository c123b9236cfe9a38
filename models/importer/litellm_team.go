package importer

import (
	"fmt"
	"math/big"
	"slices"

	"tollgate/models/configfile"
)

// TeamBudget is what becomes of the budget of a team, which its members share there.
type TeamBudget string

// What can become of it.
const (
	LoseTeamBudget   TeamBudget = ""
	EachTeamBudget   TeamBudget = "each"   // each member gets all of it
	DivideTeamBudget TeamBudget = "divide" // each member gets an equal part
)

// shared makes a profile of a team whose budget can be shared out, for each of its members. It is false when nothing
// was made or noted but why the budget is lost.
func (u *users) shared(n configfile.Node, path, name string) bool {
	members := u.membersOf(n)
	if len(members) == 0 {
		return false
	}
	u.budget = configfile.Node{}
	budget, most, ok := u.readBudget(n, path, "max_budget", "budget_duration")
	if !ok {
		return false
	}
	says := u.share.among(&budget, len(members), "member")
	u.note(Changed, most, join(path, "max_budget"), says)
	profile := free(u.taken, "LiteLLM team "+name)
	u.teams = append(u.teams, u.profile(profile, u.granted(n, path, "the team's profile"), list(budget), configfile.Node{}))
	for _, at := range members {
		u.member[at] = append(u.member[at], profile)
	}
	u.note(Changed, n, path, "the team "+name+" becomes a profile of each member")
	u.leftOver(n, path, Lost, "the team "+name+" shares it; a limit here is of one user", "team_id", "team_alias", "models",
		"max_budget", "budget_duration", "members", "members_with_roles")
	return true
}

// membersOf are the documents of the users of a team.
func (u *users) membersOf(n configfile.Node) (members []int) {
	rows, _ := n.Get("members_with_roles")
	ids, _ := n.Get("members")
	names := stringsOf(ids)
	for _, row := range rows.Items {
		names = append(names, firstText(row, "user_id"))
	}
	for _, name := range names {
		if at, there := u.at[name]; there && !slices.Contains(members, at) {
			members = append(members, at)
		}
	}
	return members
}

// among shares a budget out, and says what that means.
func (share TeamBudget) among(budget *configfile.Node, count int, who string) string {
	most := &budget.Members[0].Node
	switch {
	case count == 1:
		return "its one " + who + " gets it"
	case share == DivideTeamBudget:
		*most = number(partOf(most.Text, count))
		return fmt.Sprintf("each of the %d %ss gets %s of it, also those who need less", count, who, most.Text)
	}
	return fmt.Sprintf("each of the %d %ss gets it: together they can spend %d times as much", count, who, count)
}

// partOf is an amount divided by n, rounded down to the billionth of a dollar.
func partOf(amount string, n int) string {
	total, ok := new(big.Rat).SetString(amount)
	if !ok {
		return amount
	}
	nanos := total.Mul(total, big.NewRat(1_000_000_000, int64(n)))
	whole := new(big.Int).Quo(nanos.Num(), nanos.Denom())
	return configfile.Exact(new(big.Rat).SetFrac(whole, big.NewInt(1_000_000_000)))
}
