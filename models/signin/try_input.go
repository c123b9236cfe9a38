package signin

import (
	"encoding/json"

	"tollgate/models/identityprovider"
	"tollgate/models/input"
	"tollgate/models/oidc"
	"tollgate/models/problem"
)

// TryInput is a user at a provider as a program describes them, to see what a sign-in of theirs would lead to.
type TryInput struct {
	input.Row
	Subject       input.Value             `json:"subject"`
	Email         input.Value             `json:"email"`
	EmailVerified input.Value             `json:"email_verified"`
	ExternalID    input.Value             `json:"external_id"`
	Groups        input.List[input.Value] `json:"groups"`
}

// Who are the claims that a provider would send of the user. Refusal: Invalid.
func (in TryInput) Who(p identityprovider.Provider) (Who, error) {
	c := &input.Reader{}
	claims := map[string]any{}
	c.Required("subject", in.Subject, "the subject of the user at the provider")
	subject, _ := c.Text("subject", in.Subject, input.TextRule{What: "the subject", Max: 255, Exact: true})
	if email, ok := c.Text("email", in.Email, input.TextRule{What: "an email address", Max: 254, Exact: true}); ok {
		claims["email"] = email
	}
	if verified, ok := c.Bool("email_verified", in.EmailVerified); ok {
		claims["email_verified"] = verified
	}
	if id, ok := c.Text("external_id", in.ExternalID, input.TextRule{What: "an external id", Max: 255, Exact: true}); ok {
		claims[p.MatchClaim] = id
	}
	if input.CheckList(c, "groups", in.Groups, maxGroups, "groups") {
		groups := []string{}
		for i, v := range in.Groups.Items {
			group, _ := c.Text(input.Index("groups", i), v, input.TextRule{What: "a group", Max: 255, Exact: true})
			groups = append(groups, group)
		}
		claims[p.GroupsClaim] = groups
	}
	claims["sub"] = subject
	who := Who{Subject: subject, Claims: oidc.Claims{}}
	for name, value := range claims {
		text, err := json.Marshal(value)
		if err != nil {
			return who, err
		}
		who.Claims[name] = text
	}
	return who, problem.InvalidInput(c.Problems)
}
