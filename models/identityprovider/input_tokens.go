package identityprovider

import (
	"regexp"

	"tollgate/models/input"
)

var clientForm = regexp.MustCompile(`^[!-~]{1,255}$`)

// readTokens reads which access tokens say who makes a call.
func (in Input) readTokens(c *input.Reader, p *Provider) {
	optional(c, "token_audience", "an audience", in.TokenAudience, &p.TokenAudience)
	optional(c, "token_scope", "a scope", in.TokenScope, &p.TokenScope)
	if p.TokenScope != "" && !scopeForm.MatchString(p.TokenScope) {
		c.Add("token_scope", "invalid_format", "Give one scope as a word without spaces, such as llm.call.")
	}
	if in.TokenClients.Kind != input.Absent && input.CheckList(c, "token_clients", in.TokenClients, 100, "clients") {
		p.TokenClients = readEach(c, "token_clients", in.TokenClients, "Give a client id as a word without spaces.", clientForm)
	}
	switch {
	case p.TokenAudience != "" && p.TokenAudience == p.ClientID:
		c.Add("token_audience", "invalid_field",
			"Give another audience than the client id: ID tokens are for that one, and they are no credentials.")
	case p.TokenAudience == "" && (p.TokenScope != "" || len(p.TokenClients) > 0):
		c.Add("token_audience", "required", "Say for which audience access tokens are accepted, "+
			"or leave out scope and clients.")
	}
}
