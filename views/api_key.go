package views

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"tollgate/models/apikey"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/views/ui"
)

// APIKeyList is a page of API keys.
type APIKeyList struct {
	Search               string
	Kept                 []ui.Field // what a new search keeps
	Keys                 []apikey.Key
	Pager                ui.Pager
	Now                  time.Time
	MayCreate, MayDelete bool
}

// APIKeyForm is a new key, as it was filled in. Held is what the maker may do, and so what the key may be given.
type APIKeyForm struct {
	Input    apikey.Input
	Problems problem.Problems
	Held     []permission.Permission

	MayService bool // make it a service key
}

// scopeLines writes scopes in words: "everything", or a line for each resource.
func scopeLines(scopes []permission.Permission) []string {
	if len(scopes) == len(permission.AllPermissions()) {
		return []string{"everything"}
	}
	var lines []string
	for _, resource := range permission.Resources {
		var operations []string
		for _, operation := range permission.Operations {
			if slices.Contains(scopes, permission.Permission(resource+":"+operation)) {
				operations = append(operations, strings.ToLower(operation))
			}
		}
		switch {
		case len(operations) == len(permission.Operations):
			lines = append(lines, permission.Labels[resource]+": all")
		case len(operations) > 0:
			lines = append(lines, permission.Labels[resource]+": "+strings.Join(operations, ", "))
		}
	}
	return lines
}

// PermissionsInWords writes the permissions that a message names as pages do: Profiles: create.
func PermissionsInWords(message string) string {
	var words []string
	for _, p := range permission.AllPermissions() {
		resource, operation, _ := strings.Cut(string(p), ":")
		words = append(words, string(p), "“"+permission.Labels[resource]+": "+strings.ToLower(operation)+"”")
	}
	return strings.NewReplacer(words...).Replace(message)
}

const scopeLinesShown = 3

// shortScopes is the same for a row of a list; the whole is in the title.
func shortScopes(scopes []permission.Permission) []string {
	lines := scopeLines(scopes)
	if more := len(lines) - scopeLinesShown; more > 1 {
		lines = append(lines[:scopeLinesShown], "and "+strconv.Itoa(more)+" more")
	}
	return lines
}

// APIKeyDeletion says what the deletion of a key does.
func APIKeyDeletion(key apikey.Key, now time.Time) []string {
	used := "It was never used."
	if key.LastUsedAt != nil {
		used = "It was last used " + ui.Ago(*key.LastUsedAt, now) + "."
	}
	return []string{"Programs that send the key " + key.KeyPrefix + "… are refused from that moment on.", used}
}

func (f APIKeyForm) matrix() Matrix {
	return Matrix{
		Name: "scopes", Legend: "Scopes", Hint: "What the key may do. You can give it only what you may do yourself.",
		Error: f.scopesError(),
		Held:  f.Held, Ticked: f.Input.Scopes,
	}
}

func (f APIKeyForm) scopesError() string { return ui.FirstBelow(f.Problems, "scopes") }

func (f APIKeyForm) summary() []ui.ProblemLink { return matrixLinks(f.Problems, "scopes") }

func curlWithKey(baseURL, secret string) string {
	return "curl " + strings.TrimSuffix(baseURL, "/") + "/api/access-profiles \\\n" +
		"  -H 'Authorization: Bearer " + secret + "'"
}
