package signin

import (
	"slices"
	"strings"

	"tollgate/models/identityprovider"
	"tollgate/models/oidc"
)

// address is the email address of a person, and whether the provider may be believed. Only what the provider says is
// verified counts, of a domain that is listed.
func address(p identityprovider.Provider, claims oidc.Claims) (email string, trusted bool) {
	email = claims.Text("email")
	switch {
	case claims.Has("email_verified"):
		trusted = claims.True("email_verified")
	case claims.Has("xms_edov"):
		trusted = claims.True("xms_edov") || claims.Text("xms_edov") == "1" || string(claims["xms_edov"]) == "1"
	default:
		trusted = p.TrustEmail == identityprovider.TrustAll
	}
	if p.Issuer == oidc.Google && !slices.Contains(p.EmailDomains, claims.Text("hd")) {
		trusted = false
	}
	return email, trusted && slices.Contains(p.EmailDomains, domainOf(email))
}

// domainOf is what follows the only @ of an address in plain small letters, "" when it is no such address.
func domainOf(email string) string {
	local, domain, found := strings.Cut(email, "@")
	if !found || local == "" || strings.ContainsRune(domain, '@') ||
		strings.ContainsFunc(domain, func(r rune) bool { return r > '~' }) {
		return ""
	}
	return strings.ToLower(domain)
}
