package handout

import (
	"strconv"

	"tollgate/models/handout"
	"tollgate/models/input"
	"tollgate/models/plural"
	"tollgate/models/problem"
	"tollgate/models/profile"
	"tollgate/views/policytext"
)

// Form asks who is to get a profile.
type Form struct {
	Href     string
	Input    handout.Input
	Problems problem.Problems
}

// Preview says what giving a profile would do.
type Preview struct {
	Href  string
	Plan  handout.Plan
	Input handout.Input
}

// gets is how many users would get the profile.
func (p Preview) gets() int { return p.Plan.Count(handout.New) + p.Plan.Count(handout.Given) }

// summary says in one sentence what would happen: 12 new users, 3 have it already.
func (p Preview) summary() string {
	parts := ""
	for _, one := range []struct{ outcome, words string }{
		{handout.New, plural.Of(p.Plan.Count(handout.New), "new user")},
		{handout.Given, plural.Of(p.Plan.Count(handout.Given), "known user")},
		{handout.Already, strconv.Itoa(p.Plan.Count(handout.Already)) + " have it already"},
	} {
		if p.Plan.Count(one.outcome) > 0 {
			parts += ", " + one.words
		}
	}
	if skipped := len(p.Plan.Lines) - p.gets() - p.Plan.Count(handout.Already); skipped > 0 {
		parts += ", " + plural.Of(skipped, "line") + " skipped"
	}
	return parts[min(2, len(parts)):] + "."
}

var badges = map[string][3]string{
	handout.New: {"good", "plus", "New user"}, handout.Given: {"good", "allowed", "Gets it"},
	handout.Already: {"quiet", "check", "Has it already"}, handout.Duplicate: {"quiet", "refused", "Repeated"},
	handout.Invalid: {"danger", "refused", "No address"}, handout.Left: {"warning", "refused", "Left"},
	handout.Forbidden: {"danger", "refused", "Not allowed"},
}

// Result is who got a profile, with their keys.
type Result struct {
	Profile       profile.Profile
	Lines         []handout.Line
	Gateway, CSV  string
	MaySetGateway bool
}

func (r Result) holders() string { return policytext.ProfileHref(r.Profile.ID) + "/users" }

func (r Result) keys() (n int) {
	for _, line := range r.Lines {
		if line.Key != nil {
			n++
		}
	}
	return n
}

func (r Result) got() (n int) {
	for _, line := range r.Lines {
		if line.Gets() {
			n++
		}
	}
	return n
}

// snippet is what a user types to call a model through the gateway.
type snippet struct{ id, title, text string }

func (r Result) address() string {
	if r.Gateway == "" {
		return "https://gateway.example.com"
	}
	return r.Gateway
}

func (r Result) snippets() []snippet {
	return []snippet{
		{"openai", "OpenAI SDK, in Python", "from openai import OpenAI\n\nclient = OpenAI(base_url=\"" + r.address() + "\", api_key=\"YOUR KEY\")"},
		{"claude", "Claude Code", "export ANTHROPIC_BASE_URL=" + r.address() + "\nexport ANTHROPIC_AUTH_TOKEN='YOUR " +
			"KEY'\nclaude"},
		{"curl", "curl", "curl " + r.address() + "/chat/completions \\\n  -H 'Authorization: Bearer YOUR KEY' -H " +
			"'Content-Type: application/json' \\\n  -d '{\"model\": \"" + r.model() + "\", \"messages\": [{\"role\": \"user\", \"content\": \"Hello\"}]}'"},
	}
}

// model is one that the profile has, as an example.
func (r Result) model() string {
	for _, config := range r.Profile.ProviderConfigs {
		if len(config.AllowedModels) > 0 {
			return config.ProviderName + "/" + config.AllowedModels[0]
		}
	}
	return "openai/gpt-5"
}

// hidden are the fields that carry what was typed from the preview on.
func (p Preview) hidden() [][2]string {
	fields := [][2]string{{"emails", p.Input.Emails.Text}, {"token", p.Input.Token.Text}}
	if p.Input.ExpiresAt.Kind != input.Absent {
		fields = append(fields, [2]string{"expires_at", p.Input.ExpiresAt.Text})
	}
	return fields
}
